from . import (
    account_move,
    dunning_action,
    dunning_answer,
    dunning_exclusion_condition,
    dunning_level,
    dunning_notice,
    res_partner,
)
