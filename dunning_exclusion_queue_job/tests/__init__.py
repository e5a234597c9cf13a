from . import test_sending_by_jobs, test_translations
