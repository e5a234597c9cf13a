# SPDX-FileCopyrightText: Dunning Exclusion contributors
# SPDX-License-Identifier: AGPL-3.0-only
{
    "name": "Dunning Exclusion: Open Items",
    "summary": "The open-items report marks what the follow-ups exclude, or leaves it out",
    "version": "19.0.1.0.0",
    "category": "Accounting/Accounting",
    "author": "Dunning Exclusion contributors",
    "website": "https://github.com/dunning-exclusion/dunning-exclusion",
    "maintainers": ["dunning-exclusion"],
    "license": "AGPL-3",
    "development_status": "Beta",
    "depends": ["dunning_exclusion", "account_financial_report"],
    "data": ["wizard/open_items_wizard_views.xml"],
    "images": ["static/description/banner.png"],
    "auto_install": True,
}
