from . import dunning_exclusion_report, message
