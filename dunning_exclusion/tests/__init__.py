from . import (
    test_demo,
    test_dunning_level_choice,
    test_dunning_message,
    test_dunning_rules,
    test_dunning_run,
    test_verdict_table,
)
