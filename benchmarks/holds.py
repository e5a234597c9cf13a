"""What people hold and set up on a generated ledger: every rule on, three scenarios.

Blocks on 5 % of the customers and 5 % of the items (a third of these on whole invoices), as many
again that are over; promises on 3 % of the items; a payment method that collects by itself, chosen
on 5 % of the invoices; a reminder type switched off for 2 % of the customers, and not for 1 %.
"""

from datetime import timedelta

from odoo.fields import Command
from odoo.tools import SQL

LEVELS = ((10, "Friendly reminder", 1), (20, "Firm reminder", 30), (30, "Final notice", 90))
OPEN_ITEM = """
    account_move_line line
      JOIN account_account account
        ON account.id = line.account_id AND account.account_type = 'asset_receivable'
     WHERE line.reconciled IS NOT TRUE AND line.parent_state = 'posted'"""


def fill(env):
    companies = env["res.company"].search([], order="id")
    today = companies[0]._dunning_today()
    set_up(env, companies)
    make_scenarios(env)
    env.flush_all()
    make_blocks(env, today)
    make_promises(env, today)
    switch_types_off(env)
    env.cr.commit()
    # What a year of use would have left to the planner, at once.
    env.cr.execute("ANALYZE")
    env.cr.commit()


def set_up(env, companies):
    companies.write(
        {
            "dunning_item_minimum": 10.0,
            "dunning_customer_minimum": 100.0,
            "dunning_customer_maximum": 5000.0,
            "dunning_list_creditors": False,
            "dunning_exclude_promises": True,
        }
    )
    methods = env["account.payment.method.line"].search(
        [("payment_type", "=", "inbound"), ("company_id", "in", companies.ids)], order="id"
    )
    for own in methods.grouped("company_id").values():
        own[:1].dunning_automatic = True
    env["res.users"].browse(env.uid).group_ids |= env.ref("dunning_exclusion.group_dunning_manager")


def make_scenarios(env):
    """Make a scenario for a profile, one for customers of a country, and one for the others."""
    profile = env["dunning.profile"].create({"name": "Key accounts"})
    for company in env["res.company"].search([]):
        env.cr.execute(
            """UPDATE res_partner
                  SET dunning_own_profile_id = COALESCE(dunning_own_profile_id, '{}')
                                               || jsonb_build_object(%s, %s)
                WHERE ref LIKE 'C%%' AND id %% 7 = 0""",
            [str(company.id), profile.id],
        )
    abroad = [("country_id.code", "=", "BE")]
    others = (
        {"name": "Key accounts", "profile_ids": [Command.set(profile.ids)]},
        {"name": "Belgium", "customer_domain": repr(abroad)},
        {"name": "Standard"},
    )
    for sequence, values in enumerate(others, start=1):
        levels = [
            Command.create(
                {
                    "sequence": place,
                    "name": name,
                    "delay": delay,
                    "type_id": env.ref("dunning_exclusion.type_overdue").id,
                }
            )
            for place, name, delay in LEVELS
        ]
        env["dunning.scenario"].create({**values, "sequence": sequence, "level_ids": levels})


def make_blocks(env, today):
    over = today - timedelta(days=30)
    for remainder, lifted in ((0, None), (1, over)):
        values = {
            "kind": SQL("(ARRAY['stop', 'pause', 'prevent'])[1 + number %% 3]"),
            "begun": today - timedelta(days=90),
            "lifted": lifted,
            "uid": env.uid,
            "remainder": remainder,
        }
        insert = """INSERT INTO dunning_block
            (company_id, partner_id, move_id, move_line_id, kind, date_from, date_to, lifted_on,
             target, user_id, create_uid, create_date, write_uid, write_date)"""
        end = "CASE WHEN number %% 4 = 0 THEN %(begun)s::date + 365 END"
        who = "%(uid)s, %(uid)s, now(), %(uid)s, now()"
        env.cr.execute(
            SQL(
                insert
                + """ SELECT company_id, partner_id, NULL, NULL, %(kind)s, %(begun)s, """
                + end
                + """, %(lifted)s::date, 'customer', """
                + who
                + """ FROM (SELECT line.company_id, line.partner_id,
                                   row_number() OVER (ORDER BY line.partner_id) AS number
                              FROM """
                + OPEN_ITEM
                + """ GROUP BY line.company_id, line.partner_id) held
                     WHERE number %% 20 = %(remainder)s""",
                **values,
            )
        )
        env.cr.execute(
            SQL(
                insert
                + """ SELECT company_id, partner_id, move_id,
                             CASE WHEN number %% 60 >= 20 THEN id END, %(kind)s, %(begun)s, """
                + end
                + """, %(lifted)s::date, 'item', """
                + who
                + """ FROM (SELECT line.*, row_number() OVER (ORDER BY line.id) AS number
                              FROM """
                + OPEN_ITEM
                + """) held WHERE number %% 20 = %(remainder)s""",
                **values,
            )
        )


def make_promises(env, today):
    env.cr.execute(
        SQL(
            """WITH promised AS (
                   SELECT nextval('dunning_promise_id_seq') AS id, line.id AS line_id,
                          line.company_id, line.partner_id, line.amount_residual
                     FROM """
            + OPEN_ITEM
            + """ AND line.id %% 33 = 5 AND line.amount_residual > 0),
               made AS (
                   INSERT INTO dunning_promise
                       (id, company_id, partner_id, date, open_amount, user_id, create_uid,
                        create_date, write_uid, write_date)
                   SELECT id, company_id, partner_id, %(today)s::date + (id %% 14)::int - 5,
                          amount_residual, %(uid)s, %(uid)s, now(), %(uid)s, now()
                     FROM promised RETURNING id)
               INSERT INTO dunning_promise_move_line_rel (promise_id, move_line_id)
               SELECT made.id, promised.line_id FROM made JOIN promised USING (id)""",
            today=today,
            uid=env.uid,
        )
    )


def switch_types_off(env):
    overdue = env.ref("dunning_exclusion.type_overdue")
    overdue.customer_filter = "except"
    env.flush_all()
    env.cr.execute(
        """INSERT INTO dunning_reminder_type_customer_rel (partner_id, type_id)
           SELECT id, %s FROM res_partner WHERE ref LIKE 'C%%' AND id %% 100 = 7""",
        [overdue.id],
    )
    env.cr.execute(
        """INSERT INTO dunning_type_off (partner_id, type_id, company_id)
           SELECT partner.id, %s, company.id FROM res_partner partner, res_company company
            WHERE partner.ref LIKE 'C%%' AND partner.id %% 50 = 3""",
        [overdue.id],
    )
