from . import test_statement, test_translations
