"""The open list catches up with what others hold back meanwhile, however long that takes them."""

import contextlib
import sys

import pytest


@contextlib.contextmanager
def long_transaction(world):
    """Give an environment that commits at the end; by then others have looked and committed."""
    with world.env() as env:
        # Its number is older than all that happens from here on.
        env.cr.execute("SELECT pg_current_xact_id()")
        yield env


def prepare(world):
    with world.env() as env:
        run = env["dunning.run"].create({})
        run.action_prepare()
        return run.id


def look(world, run_id):
    """Open the list of the run, as its screen does; return the customers that are ticked."""
    with world.env() as env:
        env["dunning.run"].read_figures(run_id)
    with world.env() as env:
        lines = env["dunning.run"].browse(run_id).line_ids
        return set(lines.filtered("checked").mapped("partner_id.name"))


def stop(env, names, in_savepoint=False):
    customers = env["res.partner"].search([("name", "in", names)])
    with env.cr.savepoint() if in_savepoint else contextlib.nullcontext():
        customers.action_dunning_stop()
        env.flush_all()


@pytest.mark.parametrize("in_savepoint", [False, True], ids=["plain", "in a savepoint"])
@pytest.mark.parametrize("prepared_meanwhile", [False, True], ids=["before", "meanwhile"])
def test_items_that_a_long_transaction_stopped_are_unticked(
    world, in_savepoint, prepared_meanwhile
):
    stopped = {"Customer 001", "Customer 002"}
    run_id = None if prepared_meanwhile else prepare(world)
    with long_transaction(world) as env:
        stop(env, list(stopped), in_savepoint)
        run_id = run_id or prepare(world)
        assert stopped <= look(world, run_id)
        # A short one that has begun later and is seen at once.
        with world.env() as other:
            stop(other, ["Customer 003"])
        ticked = look(world, run_id)
        assert stopped <= ticked and "Customer 003" not in ticked
    ticked = look(world, run_id)
    assert not stopped & ticked
    assert "Customer 004" in ticked


def post_invoice(world, due):
    """Post an invoice of a new customer, which is due on a day."""
    with world.env() as env:
        line = (0, 0, {"name": "Service", "price_unit": 100})
        customer = env["res.partner"].create({"name": "New", "email": "new@example.com"})
        values = {"move_type": "out_invoice", "partner_id": customer.id, "invoice_date": due}
        invoice = env["account.move"].create(
            {**values, "invoice_date_due": due, "invoice_line_ids": [line]}
        )
        invoice.action_post()


def test_new_items_are_looked_at_once_and_told(world, monkeypatch):
    changes = sys.modules["odoo.addons.dunning_exclusion.models.dunning_changes"]
    looked, lists_others, transactions = [], changes._lists_others, changes._transactions

    def note(run, customers):
        looked.append(customers.mapped("name"))
        return lists_others(run, customers)

    monkeypatch.setattr(changes, "_lists_others", note)
    # PostgreSQL counts those of all databases, where other tests are at work.
    monkeypatch.setattr(changes, "_transactions", lambda env: transactions(env)[1:] * 2)
    run_id = prepare(world)

    def overtaken():
        with world.env() as env:
            return env["dunning.run"].read_figures(run_id)["overtaken"]

    # What was there when the list was made costs nothing, however often the list is read.
    assert (overtaken(), looked) == ([], [])
    post_invoice(world, "2999-01-01")
    assert (overtaken(), overtaken(), looked) == ([], [], [["New"]])
    post_invoice(world, "2024-01-31")
    assert overtaken() == ["Invoices were posted or payments undone in the meantime."]
