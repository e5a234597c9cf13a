{
    "name": "Dunning Exclusion: Online Payments",
    "summary": "Online payments that are not confirmed yet hold reminders back",
    "version": "19.0.1.0.0",
    "category": "Accounting/Accounting",
    "author": "Dunning Exclusion contributors",
    "website": "https://github.com/dunning-exclusion/dunning-exclusion",
    "license": "LGPL-3",
    "depends": ["dunning_exclusion", "account_payment"],
    "auto_install": True,
}
