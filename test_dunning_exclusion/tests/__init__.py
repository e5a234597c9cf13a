from . import (
    test_answer_of_another_addon,
    test_api_examples,
    test_extending,
    test_fake_models,
    test_mail_is_followed,
)
