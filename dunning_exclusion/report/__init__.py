from . import (
    digest_digest,
    dunning_dashboard,
    dunning_exclusion_report,
    excluded_filters,
    ir_actions_report,
    message,
)
