"""Installing, updating and uninstalling on databases that are in use, leaving nothing behind."""

import pytest

from devtools import databases, postgres

PEERS = [
    "account_credit_control",
    "account_financial_report",
    "partner_statement",
    "queue_job",
]
# What an addon can leave behind, one query each.
TRACES = {
    "columns": """SELECT table_name || '.' || column_name || ' ' || udt_name || ' ' || is_nullable
                    FROM information_schema.columns WHERE table_schema = 'public'""",
    "indexes": "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "constraints": """SELECT conrelid::regclass || ' ' || conname || ' '
                             || pg_get_constraintdef(oid) FROM pg_constraint""",
    "sequences": "SELECT sequencename FROM pg_sequences",
    "functions": """SELECT proname FROM pg_proc
                     WHERE pronamespace = 'public'::regnamespace""",
    "triggers": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
    "models": "SELECT model FROM ir_model",
    "fields": "SELECT model || '.' || name FROM ir_model_fields",
    "selections": """SELECT field.model || '.' || field.name || ' ' || choice.value
                       FROM ir_model_fields_selection choice
                       JOIN ir_model_fields field ON field.id = choice.field_id""",
    # Odoo itself leaves those of mail.thread and mail.activity.mixin behind, for every model.
    "external ids": """SELECT module || '.' || name FROM ir_model_data
                        WHERE module IN ('base', 'account')
                           OR name NOT LIKE 'selection\\_\\_%'
                          AND name NOT LIKE 'model\\_inherit\\_\\_%'""",
    "views": "SELECT id || ' ' || name FROM ir_ui_view",
    "menus": "SELECT id || ' ' || (name->>'en_US') FROM ir_ui_menu",
    "actions": "SELECT id || ' ' || (name->>'en_US') FROM ir_actions",
    "jobs": "SELECT id || ' ' || cron_name FROM ir_cron",
    "number ranges": "SELECT id || ' ' || name FROM ir_sequence",
    "templates": "SELECT id || ' ' || (name->>'en_US') FROM mail_template",
    "groups": "SELECT id || ' ' || (name->>'en_US') FROM res_groups",
    "privileges": "SELECT id || ' ' || (name->>'en_US') FROM res_groups_privilege",
    "rights": "SELECT id || ' ' || name FROM ir_model_access",
    "rules": "SELECT id || ' ' || name FROM ir_rule",
    "defaults": "SELECT id || ' ' || field_id FROM ir_default",
    "parameters": "SELECT key FROM ir_config_parameter",
    "chatter": "SELECT DISTINCT model FROM mail_message WHERE model LIKE 'dunning%'",
    "followers": "SELECT DISTINCT res_model FROM mail_followers WHERE res_model LIKE 'dunning%'",
    "activities": "SELECT DISTINCT res_model FROM mail_activity WHERE res_model LIKE 'dunning%'",
    "files": "SELECT DISTINCT res_model FROM ir_attachment WHERE res_model LIKE 'dunning%'",
}
INVOICES = """
env["ir.module.module"].update_list()
env["account.chart.template"].try_loading("generic_coa", env.company, install_demo=False)
partners = env["res.partner"].create(
    [{"name": f"Customer {number}", "email": f"{number}@example.com"} for number in range(30)]
)
env["account.move"].create(
    [
        {
            "move_type": "out_invoice",
            "partner_id": partner.id,
            "invoice_date": f"{2020 + partner.id % 5}-01-01",
            "invoice_date_due": f"{2020 + partner.id % 5}-01-31",
            "invoice_line_ids": [(0, 0, {"name": "Service", "price_unit": 100})],
        }
        for partner in partners
    ]
).action_post()
env.cr.commit()
"""
# Everything that the addon keeps is made once.
USE = """
partners = env["res.partner"].search([("name", "=like", "Customer %")], order="id")
env.company.dunning_mirror_no_followup = True
partners[0].action_dunning_stop()
partners[1].prevent_dunning = True
env["res.partner"].create(
    {"name": "Reminders", "parent_id": partners[2].id, "type": "dunning", "email": "d@example.com"}
)
item = env["account.move.line"].search(
    [("partner_id", "=", partners[3].id), ("account_type", "=", "asset_receivable")]
)
env["dunning.promise"].create(
    {"partner_id": partners[3].id, "move_line_ids": [(6, 0, item.ids)], "date": "2099-01-01"}
)
env["dunning.exclusion.rule"].create(
    {"name": "Own", "model": "res.partner", "domain": "[('name', '=', 'Customer 4')]"}
)
profile = env["dunning.profile"].create({"name": "Gentle"})
partners[5].dunning_profile_id = profile
partners[6].dunning_type_off_ids = env.ref("dunning_exclusion.type_overdue")
env["dunning.scenario"].create(
    {
        "name": "Reminders",
        "level_ids": [
            (0, 0, {"name": action, "sequence": place, "delay": place, "action": action,
                    "type_id": env.ref("dunning_exclusion.type_overdue").id})
            for place, action in enumerate(("email", "letter", "activity"))
        ],
    }
)
run = env["dunning.run"].create({})
run.action_prepare()
run.action_send()
assert run.state == "done" and run.notice_ids, run.state
env.cr.commit()
"""
CHECK = """
moves = env["account.move"].search([("move_type", "=", "out_invoice")])
assert len(moves) == 30 and set(moves.mapped("state")) == {"posted"}
assert len(set(moves.mapped("amount_residual"))) == 1
for model in ("res.partner", "account.move", "res.config.settings", "account.journal"):
    kinds = [(False, kind) for kind in ("form", "list", "search")]
    env[model].get_views(kinds[:1] if model == "res.config.settings" else kinds)
    env[model].fields_get()
env["ir.ui.menu"].load_menus(False)
for action in env["ir.actions.act_window"].search([]):
    assert action.res_model in env, action.res_model
for job in env["ir.cron"].search([]):
    assert job.model_id.model in env, job.cron_name
moves[0].copy().action_post()
env.cr.rollback()
"""


@pytest.fixture
def database(request):
    with databases.temporary(databases.template(), f"_{request.node.name[5:35]}") as name:
        yield name


def uninstall(name, *addons):
    addons = f'env["ir.module.module"].search([("name", "in", {list(addons)!r})])'
    databases.shell(name, f"{addons}.button_immediate_uninstall()")


def traces(name):
    """Return {kind: what there is of it} of a database."""
    return {
        kind: {row[0] for row in postgres.execute(query, name)} for kind, query in TRACES.items()
    }


def left_behind(before, after):
    return {
        kind: sorted(after[kind] - before[kind]) for kind in after if after[kind] - before[kind]
    }


def lost(before, after):
    return left_behind(after, before)


def states(name, *addons):
    query = "SELECT name, state FROM ir_module_module WHERE name = ANY('{%s}')"
    return dict(postgres.execute(query % ",".join(addons), name))


def test_installed_updated_and_uninstalled_on_a_database_in_use(database):
    databases.shell(database, INVOICES)
    before = traces(database)
    databases.install(database, ["dunning_exclusion"])
    assert postgres.execute(
        "SELECT demo FROM ir_module_module WHERE name = 'dunning_exclusion'", database
    ) == [(False,)]
    databases.shell(database, USE)
    databases.shell(database, CHECK)
    installed = traces(database)
    databases.install(database, ["dunning_exclusion"], "-u")
    updated = traces(database)
    assert (left_behind(installed, updated), lost(installed, updated)) == ({}, {})
    databases.shell(database, CHECK)
    uninstall(database, "dunning_exclusion")
    after = traces(database)
    assert (left_behind(before, after), lost(before, after)) == ({}, {})
    databases.shell(database, CHECK)
    flags = "SELECT count(*) FROM account_move_line WHERE no_followup"
    assert postgres.execute(flags, database) == [(0,)]
    types = "SELECT type FROM res_partner WHERE name = 'Reminders'"
    assert postgres.execute(types, database) == [("contact",)]
    databases.install(database, ["dunning_exclusion"])
    databases.shell(database, CHECK)


@pytest.mark.parametrize("peer", PEERS)
def test_a_bridge_comes_and_goes_with_its_peer(database, peer):
    bridge = f"dunning_exclusion_{peer.removeprefix('account_')}"
    databases.shell(database, INVOICES)
    databases.install(database, ["dunning_exclusion", peer])
    # The peer alone does not bring the bridge of the other one.
    assert states(database, bridge) == {bridge: "installed"}
    uninstall(database, bridge)
    without = traces(database)
    databases.install(database, [bridge])
    databases.shell(database, USE)
    databases.shell(database, CHECK)
    uninstall(database, bridge)
    assert left_behind(without, traces(database)).keys() <= {
        "chatter",
        "followers",
        "activities",
        "files",
    }
    assert states(database, bridge, peer, "dunning_exclusion") == {
        bridge: "uninstalled",
        peer: "installed",
        "dunning_exclusion": "installed",
    }
    databases.shell(database, CHECK)
    uninstall(database, "dunning_exclusion")
    assert states(database, peer) == {peer: "installed"}
    databases.shell(database, CHECK)
