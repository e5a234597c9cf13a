from . import test_payment_transaction, test_translations
