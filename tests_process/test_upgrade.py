"""A database of the first version, made by the code of that version, loses nothing by the update.

Its code is kept beside this file, because a checkout for tests often comes without the history:

    git archive ec03574 dunning_exclusion ':!dunning_exclusion/tests' ':!dunning_exclusion/i18n' \
        ':!dunning_exclusion/readme' ':!dunning_exclusion/static/tests' \
        ':!dunning_exclusion/static/description' | xz -9e > dunning_exclusion-19.0.1.0.0.tar.xz
"""

import json
import tarfile
from pathlib import Path

import pytest

from devtools import databases, odoo_env, postgres
from devtools.base import ROOT

OLD_CODE = Path(__file__).parent / "dunning_exclusion-19.0.1.0.0.tar.xz"
# What only notes how a row was written, or is counted anew when it is needed.
NOT_KEPT = {"write_date", "write_uid", "screened_transaction"}
MAKE = """
import datetime
from odoo.fields import Command

def day(days):
    return datetime.date.today() + datetime.timedelta(days=days)

def of(partner):
    return env["account.move"].search([("partner_id", "=", partner.id)])

company = env.company
env["account.chart.template"].try_loading("generic_coa", company, install_demo=False)
company.write({
    "dunning_item_minimum": 3, "dunning_customer_minimum": 4, "dunning_customer_maximum": 5000,
    "dunning_mirror_no_followup": True, "dunning_honour_no_followup": True,
    "dunning_automatic_sending": True, "dunning_freshness_days": 9, "dunning_list_creditors": True,
    "dunning_promise_tolerance_days": 4, "dunning_catch_up_days": 5, "dunning_cleanup_days": 44,
    "dunning_exclude_promises": True, "dunning_timezone": "Asia/Tokyo",
})
partners = env["res.partner"].create(
    [{"name": f"Customer {number:02}", "email": f"{number}@example.com"} for number in range(20)]
)
env["account.move"].create([
    {"move_type": "out_invoice", "partner_id": partner.id, "invoice_date": day(-20),
     "invoice_date_due": day(-20), "invoice_line_ids": [Command.create(
         {"name": "Service", "price_unit": 100, "tax_ids": [Command.clear()]})]}
    for partner in partners
]).action_post()
lines = {partner: of(partner)._dunning_receivable_lines() for partner in partners}
Block = env["dunning.block"]
reason = env["dunning.block.reason"].create({"code": "own", "name": "Our own", "default_days": 7})
Block.create([
    {"partner_id": partners[0].id, "kind": "stop", "reason_id": reason.id, "note": "Wrong price"},
    {"partner_id": partners[1].id, "kind": "prevent"},
    {"partner_id": partners[2].id, "move_id": of(partners[2]).id, "kind": "stop"},
    {"partner_id": partners[3].id, "move_id": of(partners[3]).id, "kind": "pause",
     "date_to": day(30), "move_line_id": lines[partners[3]].id},
    {"partner_id": partners[4].id, "kind": "stop", "date_from": day(10)},
])
Block.create({"partner_id": partners[5].id, "kind": "stop"}).action_lift()
of(partners[6]).no_followup = True
of(partners[2]).message_post(body="We talked about it")
Promise = env["dunning.promise"]
promises = Promise.create([
    {"partner_id": partner.id, "date": day(20), "note": "By phone", "amount": 60,
     "move_line_ids": [Command.set(lines[partner].ids)]} for partner in partners[7:9]
])
promises[1].action_cancel()
Rule = env["dunning.exclusion.rule"]
Rule.create({"name": "Ours", "model": "res.partner", "domain": "[('name', '=', 'Customer 09')]"})
env.ref("dunning_exclusion.rule_archived").enabled = False
env.ref("dunning_exclusion.rule_stop_item").effect = "dropped"
partners[10].dunning_profile_id = env["dunning.profile"].create({"name": "Gentle"})
overdue = env.ref("dunning_exclusion.type_overdue")
partners[11].dunning_type_off_ids = overdue
overdue.write({"customer_filter": "except", "customer_ids": [Command.link(partners[12].id)]})
of(partners[13]).write({"dunning_due_date": day(15), "dunning_collection_failed": True})
env["account.payment.method.line"].search([], limit=1).dunning_automatic = True
env["dunning.scenario"].create([
    {"name": "Ours", "automatic": True, "min_days_between": 2, "level_ids": [
        Command.create({"name": f"Level {delay}", "delay": delay, "sequence": delay,
                        "type_id": overdue.id, "minimum_amount": 1}) for delay in (1, 15, 40)]},
    {"name": "Weekly", "campaign_type": "customer", "active": False, "frequency": "biweekly",
     "weekday": "3", "condition_ids": [Command.create(
         {"metric": "overdue", "operator": ">=", "value": 50})],
     "level_ids": [Command.create({"name": "Call", "action": "activity", "type_id": overdue.id})]},
])
sent, waiting = env["dunning.run"].create([{}, {}])
sent.action_prepare()
taken = sent.line_ids.filtered(lambda line: line.partner_id == partners[0])
taken.checked = True
sent.action_send()
partners[14].email = False
waiting.action_prepare()
env.cr.commit()
"""
LOOK = """
import json
lines = env["account.move.line"].search(
    [("account_type", "=", "asset_receivable"), ("parent_state", "=", "posted")], order="id")
def states(model):
    return sorted((record.id, record.state) for record in env[model].search([]))
print(json.dumps({
    "outcomes": {line.id: line.dunning_outcome for line in lines},
    "reasons": {line.id: [(reason["rule"], reason["block_id"]) for reason in line.dunning_explain()]
                for line in lines},
    "flags": lines.filtered("no_followup").ids,
    "said": {notice.id: notice.line_ids.ids for notice in env["dunning.notice"].search([])},
    "states": {name: states(name) for name in
               ("dunning.block", "dunning.promise", "dunning.run", "dunning.notice")},
    "rules": {rule.code or rule.name: [rule.enabled, rule.effect]
               for rule in env["dunning.exclusion.rule"].search([])},
    "levels": {scenario.name: scenario.with_context(active_test=False).level_ids.mapped("name")
               for scenario in env["dunning.scenario"].with_context(active_test=False).search([])},
}))
"""
AGAIN = """
run = env["dunning.run"].create({})
run.action_prepare()
print(len(run.line_ids.filtered("checked")))
"""


@pytest.fixture
def old_environment(tmp_path):
    """Return the variables of an Odoo that finds the addon of the first version."""
    with tarfile.open(OLD_CODE) as archive:
        archive.extractall(tmp_path)
    env = odoo_env.environment()[2]
    text = Path(env["ODOO_RC"]).read_text()
    file = tmp_path / "odoo.conf"
    file.write_text(text.replace(f"addons_path = {ROOT},", f"addons_path = {tmp_path},"))
    return {**env, "ODOO_RC": str(file)}


def rows(name):
    """Return {table: {id of a row, or the row itself where it has none: row}} of what is kept."""
    columns = postgres.execute(
        """SELECT table_name, column_name FROM information_schema.columns
             JOIN pg_class ON relname = table_name AND relkind = 'r'
            WHERE table_schema = 'public' AND column_name <> 'id'
              AND (table_name LIKE '%dunning%' OR column_name LIKE '%dunning%')""",
        name,
    )
    found = {}
    for table, column in columns:
        found.setdefault(table, []).append(f"'{column}', {column}")
    for table, pairs in found.items():
        row = f"jsonb_build_object({', '.join(pairs)})"
        query = f"SELECT to_jsonb(kept)->>'id', {row}::text FROM {table} kept"
        found[table] = {key or row: json.loads(row) for key, row in postgres.execute(query, name)}
    return found


def lost(before, after):
    """Yield what stood in the database `before` and does not stand there `after`."""
    for table, old_rows in before.items():
        for key, row in old_rows.items():
            new = after.get(table, {}).get(key)
            if new is None:
                yield f"{table}: {row}"
                continue
            for column in row.keys() - NOT_KEPT:
                if column not in new or new[column] != row[column]:
                    yield f"{table}.{column} of {key}: {row[column]}, now {new.get(column)}"


def look(name, **run_options):
    return json.loads(databases.shell(name, LOOK, **run_options))


def test_the_update_loses_nothing(old_environment):
    with databases.temporary(databases.template(), "_upgrade") as name:
        databases.install(name, ["dunning_exclusion"], env=old_environment)
        databases.shell(name, MAKE, env=old_environment)
        before, seen = rows(name), look(name, env=old_environment)
        databases.install(name, ["dunning_exclusion"], "-u")
        assert list(lost(before, rows(name))) == []
        now = look(name)
        rules = now.pop("rules")
        assert {code: rules[code] for code in seen["rules"]} == seen.pop("rules")
        assert now == seen
        # All that is due was said before the update.
        assert len(seen["said"]) > 5 and all(seen["said"].values())
        assert databases.shell(name, AGAIN).strip() == "0", "something would be said again"
