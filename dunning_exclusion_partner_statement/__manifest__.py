# SPDX-FileCopyrightText: Dunning Exclusion contributors
# SPDX-License-Identifier: AGPL-3.0-only
{
    "name": "Dunning Exclusion: Partner Statement",
    "summary": "The outstanding statement marks what the follow-ups exclude, or leaves it out",
    "version": "19.0.1.0.0",
    "category": "Accounting/Accounting",
    "author": "Dunning Exclusion contributors",
    "website": "https://github.com/dunning-exclusion/dunning-exclusion",
    "maintainers": ["dunning-exclusion"],
    "license": "AGPL-3",
    "development_status": "Beta",
    "depends": ["dunning_exclusion", "partner_statement"],
    "data": ["report/outstanding_statement_templates.xml", "wizard/statement_views.xml"],
    "images": ["static/description/banner.png"],
    "auto_install": True,
}
