"""The open list catches up with what others hold back meanwhile, however long that takes them."""

import contextlib

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
