from . import test_credit_control_bridge, test_no_follow_policy, test_translations
