from . import test_api_examples, test_extending, test_fake_models
