from . import digest_digest, dunning_dashboard, dunning_exclusion_report, ir_actions_report, message
