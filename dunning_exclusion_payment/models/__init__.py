from . import dunning_exclusion_condition, payment_transaction
