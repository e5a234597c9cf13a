# SPDX-FileCopyrightText: Dunning Exclusion contributors
# SPDX-License-Identifier: LGPL-3.0-only
{
    "name": "Dunning Exclusion: examples of the documentation",
    "summary": "A rule and an action of another addon, and the tests of the documentation",
    "version": "19.0.1.0.0",
    "development_status": "Beta",
    "category": "Hidden/Tests",
    "author": "Dunning Exclusion contributors",
    "website": "https://github.com/dunning-exclusion/dunning-exclusion",
    "license": "LGPL-3",
    "depends": ["dunning_exclusion"],
    "external_dependencies": {"python": ["aiosmtpd", "odoo_test_helper"]},
    "data": [
        "data/dunning_answer_type_data.xml",
        "data/dunning_exclusion_rule_data.xml",
    ],
}
