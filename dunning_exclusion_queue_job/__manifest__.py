# SPDX-FileCopyrightText: Dunning Exclusion contributors
# SPDX-License-Identifier: LGPL-3.0-only
{
    "name": "Dunning Exclusion: Job Queue",
    "summary": "Reminders go out as jobs, so that sending spreads over workers and machines",
    "version": "19.0.1.1.0",
    "category": "Accounting/Accounting",
    "author": "Dunning Exclusion contributors",
    "website": "https://github.com/dunning-exclusion/dunning-exclusion",
    "maintainers": ["dunning-exclusion"],
    "license": "LGPL-3",
    "development_status": "Beta",
    "depends": ["dunning_exclusion", "queue_job"],
    "data": ["data/queue_job_data.xml"],
    "images": ["static/description/banner.png"],
    "uninstall_hook": "uninstall_hook",
    "auto_install": True,
}
