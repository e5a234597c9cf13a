# SPDX-FileCopyrightText: Dunning Exclusion contributors
# SPDX-License-Identifier: LGPL-3.0-only
{
    "name": "Dunning Exclusion: Online Payments",
    "summary": "Online payments that are not confirmed yet hold reminders back",
    "version": "19.0.1.0.0",
    "category": "Accounting/Accounting",
    "author": "Dunning Exclusion contributors",
    "website": "https://github.com/dunning-exclusion/dunning-exclusion",
    "maintainers": ["dunning-exclusion"],
    "license": "LGPL-3",
    "development_status": "Beta",
    "depends": ["dunning_exclusion", "account_payment"],
    "images": ["static/description/banner.png"],
    "auto_install": True,
}
