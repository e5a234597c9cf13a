from . import test_sending_by_jobs
