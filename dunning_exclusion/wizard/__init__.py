from . import (
    base_partner_merge,
    dunning_block_wizard,
    dunning_customer_setup,
    dunning_preview,
    dunning_scenario_preview,
    dunning_settings,
    dunning_takeover,
    dunning_type_switch,
    mail_compose_message,
)
