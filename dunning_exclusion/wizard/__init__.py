from . import (
    base_partner_merge,
    dunning_block_wizard,
    dunning_preview,
    dunning_scenario_preview,
    dunning_scenario_preview_line,
    dunning_settings,
    dunning_takeover,
    dunning_takeover_line,
    dunning_type_switch,
    mail_compose_message,
    res_config_settings,
)
