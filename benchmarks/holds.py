"""What people hold and set up on a generated ledger: every rule on, three scenarios.

Blocks on 5 % of the customers and 5 % of the items (a third of these on whole invoices), as many
again that are over; every fifth block on a customer holds only what was issued up to a day;
promises on 3 % of the items; a payment method that collects by itself, chosen on 5 % of the
invoices; a reminder type switched off for 2 % of the customers, and not for 1 %. See `waiting` too.
"""

from datetime import timedelta

from odoo import fields
from odoo.fields import Command

from . import waiting

LEVELS = ((10, "Friendly reminder", 1), (20, "Firm reminder", 30), (30, "Final notice", 90))
OPEN_ITEMS = """
CREATE TEMP TABLE open_item AS
SELECT line.id, line.move_id, line.company_id, line.partner_id, line.amount_residual,
       row_number() OVER (ORDER BY line.id) AS number
  FROM account_move_line line
  JOIN account_account account
    ON account.id = line.account_id AND account.account_type = 'asset_receivable'
 WHERE line.reconciled IS NOT TRUE AND line.parent_state = 'posted'"""
# of each twenty customers, and of each twenty items, one block that holds and one that is over
BLOCKS = """
WITH held AS (
    SELECT company_id, partner_id, move_id, CASE WHEN number %% 60 >= 20 THEN id END AS line_id,
           number, 'item' AS target
      FROM open_item
     UNION ALL
    SELECT company_id, partner_id, NULL, NULL, row_number() OVER (ORDER BY partner_id), 'customer'
      FROM open_item GROUP BY company_id, partner_id)
INSERT INTO dunning_block
    (company_id, partner_id, move_id, move_line_id, kind, date_from, date_to, lifted_on,
     items_until, target, origin, user_id, create_uid, create_date, write_uid, write_date)
SELECT company_id, partner_id, move_id, line_id,
       (ARRAY['stop', 'pause', 'prevent'])[1 + number %% 3], %(today)s::date - 90,
       CASE WHEN number %% 4 = 0 THEN %(today)s::date + 275 END,
       CASE WHEN number %% 20 = 1 THEN %(today)s::date - 30 END,
       CASE WHEN target = 'customer' AND number %% 100 = 0 THEN %(today)s::date - 100 END,
       target, 'user', %(uid)s, %(uid)s, now(), %(uid)s, now()
  FROM held WHERE number %% 20 IN (0, 1)"""
PROMISES = """
WITH promised AS (
    SELECT nextval('dunning_promise_id_seq') AS promise_id, open_item.* FROM open_item
     WHERE id %% 33 = 5 AND amount_residual > 0),
made AS (
    INSERT INTO dunning_promise
        (id, company_id, partner_id, date, open_amount,
         user_id, create_uid, create_date, write_uid, write_date)
    SELECT promise_id, company_id, partner_id, %(today)s::date + (promise_id %% 14)::int - 5,
           amount_residual, %(uid)s, %(uid)s, now(), %(uid)s, now()
      FROM promised),
noted AS (
    UPDATE account_move SET dunning_promised = TRUE WHERE id IN (SELECT move_id FROM promised))
INSERT INTO dunning_promise_move_line_rel (promise_id, move_line_id)
SELECT promise_id, id FROM promised"""
SWITCHED_OFF = """
INSERT INTO dunning_reminder_type_customer_rel (partner_id, type_id)
SELECT id, %(type)s FROM res_partner WHERE ref LIKE 'C%%' AND id %% 100 = 7;
INSERT INTO dunning_type_off (partner_id, type_id, company_id)
SELECT partner.id, %(type)s, company.id FROM res_partner partner, res_company company
 WHERE partner.ref LIKE 'C%%' AND partner.id %% 50 = 3"""


def fill(env):
    overdue = env.ref("dunning_exclusion.type_overdue")
    overdue.customer_filter = "except"
    set_up(env)
    make_scenarios(env, overdue)
    values = {"today": fields.Date.today(), "uid": env.uid, "type": overdue.id}
    fill_core(env, values)
    for statement in (BLOCKS, PROMISES, SWITCHED_OFF):
        env.cr.execute(statement, values)
    waiting.remind(env, values)
    env.cr.commit()
    # What a year of use would have left to the planner, at once.
    env.cr.execute("ANALYZE")
    env.cr.commit()


def set_up(env):
    companies = env["res.company"].search([])
    companies.write(
        {
            "dunning_item_minimum": 10.0,
            "dunning_customer_minimum": 100.0,
            "dunning_customer_maximum": 5000.0,
            "dunning_list_creditors": False,
            "dunning_exclude_promises": True,
            "dunning_min_days_between_messages": 7,
            "dunning_not_delivered_from": fields.Date.today() - timedelta(days=60),
        }
    )
    methods = env["account.payment.method.line"].search(
        [("payment_type", "=", "inbound"), ("company_id", "in", companies.ids)], order="id"
    )
    for own in methods.grouped("company_id").values():
        own[:1].dunning_automatic = True


def fill_core(env, values):
    """Make what Odoo has without the addon, too, see `waiting`."""
    # Odoo asks each company for the account to which its customers pay.
    env["res.partner.bank"].create(
        [
            {"partner_id": company.partner_id.id, "acc_number": f"BENCH{company.id:012}"}
            for company in env["res.company"].search([])
        ]
    )
    env.flush_all()
    env.cr.execute(OPEN_ITEMS)
    waiting.fill(env, values)


def make_scenarios(env, overdue):
    """Make a scenario for a profile, one for customers of a country, and one for the others."""
    profile = env["dunning.profile"].create({"name": "Key accounts"})
    env.cr.execute(
        """UPDATE res_partner SET dunning_own_profile_id = (
                  SELECT jsonb_object_agg(id, %s) FROM res_company)
            WHERE ref LIKE 'C%%' AND id %% 7 = 0""",
        [profile.id],
    )
    levels = [
        Command.create({"sequence": place, "name": name, "delay": days, "type_id": overdue.id})
        for place, name, days in LEVELS
    ]
    scenarios = (
        {"name": "Key accounts", "profile_ids": [Command.set(profile.ids)]},
        {"name": "Belgium", "customer_domain": "[('country_id.code', '=', 'BE')]"},
        {"name": "Standard"},
    )
    env["dunning.scenario"].create(
        [
            {**values, "sequence": place, "level_ids": levels}
            for place, values in enumerate(scenarios, start=1)
        ]
    )
