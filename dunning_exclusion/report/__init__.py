from . import dunning_dashboard, dunning_exclusion_report, message
