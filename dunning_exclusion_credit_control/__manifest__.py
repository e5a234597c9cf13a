{
    "name": "Dunning Exclusion: Credit Control",
    "summary": "Account Credit Control excludes what the follow-ups exclude, and says why",
    "version": "19.0.1.0.0",
    "category": "Accounting/Accounting",
    "author": "Dunning Exclusion contributors",
    "website": "https://github.com/dunning-exclusion/dunning-exclusion",
    "license": "AGPL-3",
    "depends": ["dunning_exclusion", "account_credit_control"],
    "data": ["data/dunning_exclusion_rule_data.xml"],
    "auto_install": True,
}
