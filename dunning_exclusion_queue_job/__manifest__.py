{
    "name": "Dunning Exclusion: Job Queue",
    "summary": "Reminders go out as jobs, so that sending spreads over workers and machines",
    "version": "19.0.1.0.0",
    "category": "Accounting/Accounting",
    "author": "Dunning Exclusion contributors",
    "website": "https://github.com/dunning-exclusion/dunning-exclusion",
    "license": "LGPL-3",
    "depends": ["dunning_exclusion", "queue_job"],
    "data": ["data/queue_job_data.xml"],
    "uninstall_hook": "uninstall_hook",
    "auto_install": True,
}
