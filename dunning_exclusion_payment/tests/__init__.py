from . import test_payment_transaction
