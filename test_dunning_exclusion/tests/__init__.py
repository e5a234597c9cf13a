from . import test_api_examples, test_extending
