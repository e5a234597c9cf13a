from . import test_open_items, test_translations
