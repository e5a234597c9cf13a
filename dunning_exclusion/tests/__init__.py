from . import (
    test_bad_input,
    test_block_rights,
    test_demo,
    test_dunning_level_choice,
    test_dunning_message,
    test_dunning_message_actions,
    test_dunning_message_recipients,
    test_dunning_rules,
    test_dunning_run,
    test_plain_fields,
    test_verdict_table,
    test_verdict_together,
)
