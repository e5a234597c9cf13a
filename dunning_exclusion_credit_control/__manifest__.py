# SPDX-FileCopyrightText: Dunning Exclusion contributors
# SPDX-License-Identifier: AGPL-3.0-only
{
    "name": "Dunning Exclusion: Credit Control",
    "summary": "Account Credit Control excludes what the follow-ups exclude, and says why",
    "version": "19.0.1.0.0",
    "category": "Accounting/Accounting",
    "author": "Dunning Exclusion contributors",
    "website": "https://github.com/dunning-exclusion/dunning-exclusion",
    "maintainers": ["dunning-exclusion"],
    "license": "AGPL-3",
    "development_status": "Beta",
    "depends": ["dunning_exclusion", "account_credit_control"],
    "data": ["data/dunning_exclusion_rule_data.xml"],
    "images": ["static/description/banner.png"],
    "auto_install": True,
}
