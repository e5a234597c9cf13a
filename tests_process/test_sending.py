"""Nobody gets two messages, nobody is forgotten, whatever happens while sending."""

import contextlib
import email
import multiprocessing
import random
import threading
import time
from collections import Counter

import pytest
from psycopg2.errors import SerializationFailure

from .conftest import CUSTOMERS

KILLS = 30


def prepare(world, **values):
    with world.env() as env:
        run = env["dunning.run"].create(values)
        run.action_prepare()
        assert run.customer_count
        return run.id


def send(run_id):
    return lambda env: env["dunning.run"].browse(run_id).action_send()


def send_mails(env):
    while env["mail.mail"].search_count([("state", "=", "outgoing")]):
        env["mail.mail"].process_email_queue()


def assert_each_customer_once(world, run_id, customers=CUSTOMERS):
    """Every customer has one notice, which has one message and all lines of the customer."""
    with world.env() as env:
        run = env["dunning.run"].browse(run_id)
        assert run.state == "done"
        assert Counter(run.notice_ids.mapped("partner_id.id")).most_common(1)[0][1] == 1
        assert len(run.notice_ids) == customers
        mails = env["mail.mail"].search([("model", "=", "dunning.notice")])
        assert sorted(mails.mapped("res_id")) == sorted(run.notice_ids.ids)
        assert run.notice_ids.mail_id == mails
        assert run.line_ids.filtered("checked").notice_id == run.notice_ids


def test_killed_at_random_points_and_started_again(world, mailbox):
    chance = random.Random(7)
    kills = 0
    run_id = None
    while kills < KILLS:
        if run_id is not None:
            _forget(world)
        run_id = prepare(world)
        while kills < KILLS and world.run_killed(send(run_id), chance.uniform(0.02, 0.5)):
            kills += 1
        world.run_in_process(send_if_needed(run_id))
        assert_each_customer_once(world, run_id)
    world.run_in_process(send_mails)
    assert len(mailbox.messages) == CUSTOMERS
    assert len({address for address, _content in mailbox.messages}) == CUSTOMERS
    with world.env() as env:
        run = env["dunning.run"].browse(run_id)
        assert set(run.notice_ids.mapped("state")) == {"sent"}


def test_killed_with_several_actions_each_goes_out_once(world, mailbox):
    with world.env() as env:
        types = [env.ref(f"dunning_exclusion.type_{code}").id for code in ("statement", "overdue")]
        levels = [(0, 0, {"name": "Action", "type_id": type_id}) for type_id in types]
        workflow = env["dunning.scenario"].create(
            {"name": "Statements", "campaign_type": "customer", "level_ids": levels}
        )
        actions, ids = set(workflow.level_ids.ids), workflow.ids
    run_id = prepare(world, scenario_ids=[(6, 0, list(ids))])
    chance = random.Random(9)
    for _kill in range(6):
        if not world.run_killed(send(run_id), chance.uniform(0.05, 0.5)):
            break
    world.run_in_process(send_if_needed(run_id))
    world.run_in_process(send_mails)
    with world.env() as env:
        run = env["dunning.run"].browse(run_id)
        made = Counter((notice.partner_id.id, notice.level_id.id) for notice in run.notice_ids)
        assert set(made.values()) == {1} and {level for _customer, level in made} == actions
        assert len(run.notice_ids) == 2 * CUSTOMERS
        for notice in run.notice_ids:
            lines = run.line_ids.filtered(lambda line, n=notice: line.partner_id == n.partner_id)
            assert notice.line_ids == lines and notice.state == "sent"
    assert len(mailbox.messages) == 2 * CUSTOMERS


def send_if_needed(run_id):
    def work(env):
        run = env["dunning.run"].browse(run_id)
        if run.state != "done":
            run.action_send()

    return work


def _forget(world):
    """Take back a finished run, so that the same customers can be sent to again."""
    with world.env() as env:
        env["mail.mail"].search([]).unlink()
        env.cr.execute("UPDATE dunning_run_line SET notice_id = NULL")
        env.cr.execute("DELETE FROM dunning_notice")
        env.cr.execute("DELETE FROM dunning_run")


def test_mail_queue_killed_repeats_at_most_the_message_at_work(world, mailbox):
    """The window that Odoo's own mail queue leaves: accepted by the mail server, not committed.

    Such a message is sent once more, with the same Message-ID, so that mail systems which look at
    it deliver it once. Nobody is forgotten.
    """
    chance = random.Random(11)
    run_id = prepare(world)
    world.run_in_process(send(run_id))
    kills = sum(world.run_killed(send_mails, chance.uniform(0.1, 0.7)) for _kill in range(12))
    world.run_in_process(send_mails)
    received = Counter(message_ids(mailbox))
    assert len(received) == CUSTOMERS
    repeated = sum(received.values()) - CUSTOMERS
    print(f"{repeated} of {kills} kills of the mail queue repeated a message")
    assert repeated <= kills
    with world.env() as env:
        assert set(env["dunning.run"].browse(run_id).notice_ids.mapped("state")) == {"sent"}


def test_conflict_with_the_mail_queue_is_met_before_the_message_leaves(world, mailbox):
    run_id = prepare(world)
    world.run_in_process(send(run_id))

    def change_slowly(env):
        # The first one that leaves.
        first = env["dunning.notice"].search([]).sorted(lambda n: n.mail_id.id)[0]
        first.description = "Changed"
        env.flush_all()
        time.sleep(3)

    other = world.fork(change_slowly)
    time.sleep(1)
    queue = world.fork(send_mails)
    time.sleep(1)
    assert not mailbox.messages, "the queue waits for the other transaction"
    assert world.wait(other) == 0
    assert world.wait(queue) == 0
    assert set(Counter(address for address, _content in mailbox.messages).values()) == {1}
    with world.env() as env:
        notices = env["dunning.run"].browse(run_id).notice_ids
        assert set(notices.mapped("state")) == {"sent"}
    assert len(mailbox.messages) == CUSTOMERS


def message_ids(mailbox):
    """Return (recipient, Message-ID) of every message that arrived."""
    return [
        (address, email.message_from_bytes(content)["Message-Id"])
        for address, content in mailbox.messages
    ]


def test_two_senders_at_the_same_time(world, mailbox):
    with world.env() as env:
        names = env["res.partner"].search([("name", "=like", "Customer %")]).mapped("name")
        type_id = env.ref("dunning_exclusion.type_overdue").id
    for number in range(10):
        some = names[number * 20 : number * 20 + 20]
        domain = [("partner_id.name", "in", some)]
        run_id = prepare(world, mode="criteria", type_id=type_id, criteria_domain=str(domain))
        senders = [world.fork(send_unless_busy(run_id)) for _sender in range(2)]
        assert [world.wait(pid) for pid in senders] == [0, 0]
        with world.env() as env:
            run = env["dunning.run"].browse(run_id)
            assert run.state == "done"
            assert sorted(run.notice_ids.mapped("partner_id.name")) == sorted(some)
            assert len(run.notice_ids.mail_id) == len(some)
    world.run_in_process(send_mails)
    assert set(Counter(address for address, _content in mailbox.messages).values()) == {1}


def send_unless_busy(run_id):
    def work(env):
        from odoo.exceptions import UserError
        from odoo.service.model import retrying

        try:
            # As for each call of a client: two who press the button in the same moment collide.
            retrying(env["dunning.run"].browse(run_id).action_send, env)
        except UserError as error:
            assert "somebody else" in str(error) or "prepare it first" in str(error), error
            env.cr.rollback()

    return work


def test_letters_of_two_people_in_the_same_moment_are_not_more_than_the_maximum(world):
    with world.env() as env:
        env["dunning.level"].search([]).action = "letter"
        invoice = env["account.move"].search([("partner_id.name", "=", "Customer 000")])
        invoice.copy({"invoice_date": "2024-01-01"}).action_post()
        moves = env["account.move"].search([("partner_id", "=", invoice.partner_id.id)])
        clerk = env["res.users"].create(
            {
                "name": "Clerk",
                "login": "clerk",
                "group_ids": [(4, env.ref("dunning_exclusion.group_dunning_user").id)],
            }
        )
        user_id, move_ids = clerk.id, moves.ids
        type_id = env.ref("dunning_exclusion.type_overdue").id
    letters = []
    for move_id in move_ids:
        domain = str([("move_id", "=", move_id)])
        run_id = prepare(world, mode="criteria", type_id=type_id, criteria_domain=domain)
        world.run_in_process(send(run_id))
        with world.env() as env:
            letters += env["dunning.run"].browse(run_id).notice_ids.ids
    with world.env() as env:
        notices = env["dunning.notice"].browse(letters)
        notices.write({"date": "2024-03-01", "state": "queued", "action": "letter"})
        assert len(notices) == 2
        assert max(notices.mapped("amount")) < 150 < sum(notices.mapped("amount"))
        env.company.dunning_customer_maximum = 150
    meeting = multiprocessing.Barrier(2)
    people = [world.fork(mark_sent(letter, user_id, meeting)) for letter in letters]
    assert [world.wait(pid) for pid in people] == [0, 0]
    with world.env() as env:
        states = env["dunning.notice"].browse(letters).mapped("state")
        assert sorted(states) == ["queued", "sent"]


def mark_sent(letter_id, user_id, meeting):
    """Mark a letter as sent; wait for the other person once it was found to be allowed."""

    def work(env):
        from odoo.exceptions import UserError
        from odoo.service.model import retrying

        from odoo.addons.dunning_exclusion.models import customer_maximum

        find_above = customer_maximum.find_above

        def find_and_wait(*args, **kwargs):
            found = find_above(*args, **kwargs)
            # Nobody comes when the other one waits for this transaction.
            with contextlib.suppress(threading.BrokenBarrierError):
                meeting.wait(timeout=3)
            return found

        customer_maximum.find_above = find_and_wait
        letter = env(user=user_id)["dunning.notice"].browse(letter_id)
        try:
            retrying(letter.action_mark_sent, letter.env)
        except UserError as error:
            assert "more than the maximum" in str(error), error
            env.cr.rollback()

    return work


def test_two_runs_prepared_side_by_side_remind_once(world):
    first, second = prepare(world), prepare(world)
    world.run_in_process(send(first))
    world.run_in_process(send(second))
    assert_each_customer_once(world, first)
    with world.env() as env:
        run = env["dunning.run"].browse(second)
        assert not run.notice_ids
        assert set(run.line_ids.mapped("skip_reason")) == {
            "Reminded by another run in the meantime"
        }


def test_serialization_failure_while_sending_sends_once(world):
    run_id = prepare(world)
    world.run_in_process(send_disturbed(run_id, conflicts=3))
    assert_each_customer_once(world, run_id)


def test_conflicts_without_end_fail_and_the_run_goes_on_later(world):
    run_id = prepare(world)

    def work(env):
        with pytest.raises(SerializationFailure):
            send_disturbed(run_id, conflicts=100)(env)
        env.cr.rollback()

    world.run_in_process(work)
    with world.env() as env:
        run = env["dunning.run"].browse(run_id)
        assert run.state == "sending" and not run.notice_ids
    world.run_in_process(send(run_id))
    assert_each_customer_once(world, run_id)


def send_disturbed(run_id, conflicts):
    """Return a function that sends while another transaction changes the same lines, and wins."""

    def work(env):
        from odoo.addons.dunning_exclusion.models import dunning_sender

        sender = env.registry["dunning.sender"]
        create_notices = sender._create_notices
        disturbed = []

        def disturb(self, run, messages):
            lines = next(iter(messages.values()))
            if len(disturbed) < conflicts:
                disturbed.append(lines[:1].id)
                with self.env.registry.cursor() as cr:
                    cr.execute(
                        "UPDATE dunning_run_line SET level_sequence = level_sequence WHERE id = %s",
                        [lines[:1].id],
                    )
            return create_notices(self, run, messages)

        sender._create_notices = disturb
        # It changes the lines itself, so the other transaction would wait for this one. What it
        # would find is written here.
        dunning_sender.screen_again = lambda *args, **kwargs: None
        env.cr.execute("UPDATE dunning_run_line SET outstanding = amount_residual")
        env.cr.commit()
        env["dunning.run"].browse(run_id).action_send()
        assert len(disturbed) == conflicts

    return work


def test_notice_that_another_transaction_made_is_not_made_again(world):
    run_id = prepare(world)

    def work(env):
        sender = env.registry["dunning.sender"]
        create_notices = sender._create_notices
        disturbed = []

        def disturb(self, run, messages):
            lines = next(iter(messages.values()))
            if not disturbed:
                disturbed.append(lines[:1].id)
                with self.env.registry.cursor() as cr:
                    cr.execute(
                        """INSERT INTO dunning_notice
                               (run_id, company_id, partner_id, level_id, level_number, message_key,
                                date, action, state)
                           SELECT run_id, company_id, partner_id, level_id, level_id, message_key,
                                  CURRENT_DATE, 'letter', 'queued'
                             FROM dunning_run_line WHERE id = %s""",
                        [lines[:1].id],
                    )
            return create_notices(self, run, messages)

        sender._create_notices = disturb
        env["dunning.run"].browse(run_id).action_send()
        assert disturbed

    world.run_in_process(work)
    with world.env() as env:
        run = env["dunning.run"].browse(run_id)
        assert run.state == "done"
        assert len(run.notice_ids) == len(run.notice_ids.partner_id) == CUSTOMERS
        assert len(run.notice_ids.mail_id) == CUSTOMERS - 1
        [late] = run.line_ids.filtered("skip_reason")
        assert (late.checked, late.skip_reason) == (False, "Reminded in this run already")


def test_customers_that_fail_do_not_harm_the_others_and_are_retried_alone(world, mailbox):
    with world.env() as env:
        partners = env["res.partner"].search([("name", "=like", "Customer %")], limit=4)
        refused, blacklisted, addressless, broken = partners
        refused.email = "someone@refused.example"
        env["mail.blacklist"]._add(blacklisted.email)
        template = env.ref("dunning_exclusion.mail_template_friendly").copy({"name": "Own"})
        template.body_html = '<p t-out="object.no_such_field"/>'
        scenario = env["dunning.scenario"].search([("name", "=", "Reminders")])
        own = scenario.copy({"name": "Own"})
        own.level_ids.template_id = template
        broken.dunning_scenario_id = own
    run_id = prepare(world)
    with world.env() as env:
        addressless = env["res.partner"].browse(addressless.id)
        addressless.email = False
        lines = env["dunning.run.line"].search(
            [("run_id", "=", run_id), ("partner_id", "=", addressless.id)]
        )
        assert lines.checked

    world.run_in_process(send(run_id))
    world.run_in_process(send_mails)
    with world.env() as env:
        run = env["dunning.run"].browse(run_id)
        failed = run.notice_ids.filtered(lambda notice: notice.state == "failed")
        reasons = {notice.partner_id.id: notice.failure_reason for notice in failed}
        assert set(reasons) == {refused.id, blacklisted.id, broken.id}
        assert "no_such_field" in reasons[broken.id]
        assert all(reasons.values())
        left_out = run.line_ids.filtered(lambda line: line.partner_id.id == addressless.id)
        assert left_out.rule_id.code == "no_address" and not left_out.notice_id
        assert len(run.notice_ids.filtered(lambda n: n.state == "sent")) == CUSTOMERS - 4
        env["res.partner"].browse(refused.id).email = "mended@example.com"
        env["mail.blacklist"]._remove(env["res.partner"].browse(blacklisted.id).email)
        env["mail.template"].browse(template.id).body_html = "<p>Please pay.</p>"
    before = len(mailbox.messages)
    world.run_in_process(lambda env: env["dunning.run"].browse(run_id).action_retry_failed())
    world.run_in_process(send_mails)
    assert len(mailbox.messages) == before + 3
    with world.env() as env:
        notices = env["dunning.run"].browse(run_id).notice_ids
        assert set(notices.mapped("state")) == {"sent"}
        assert len(notices) == CUSTOMERS - 1


def test_address_refused_beside_others_is_noted_and_nobody_gets_it_twice(world, mailbox):
    with world.env() as env:
        customer = env["res.partner"].search([("name", "=", "Customer 007")])
        contact = {"type": "dunning", "parent_id": customer.id}
        env["res.partner"].create(
            [
                {**contact, "name": "First", "email": "first@example.com"},
                {**contact, "name": "Second", "email": "second@refused.example"},
            ]
        )
        scenario = env["dunning.scenario"].search([("name", "=", "Reminders")])
        scenario.customer_domain = f"[('id', '=', {customer.id})]"
    run_id = prepare(world)
    world.run_in_process(send(run_id))
    world.run_in_process(send_mails)

    def mark_outgoing_again(env):
        env["dunning.run"].browse(run_id).notice_ids.mail_id.mark_outgoing()

    world.run_in_process(mark_outgoing_again)
    world.run_in_process(send_mails)
    assert [address for address, _content in mailbox.messages] == ["first@example.com"]
    with world.env() as env:
        notice = env["dunning.run"].browse(run_id).notice_ids
        assert (notice.state, notice.recipient_ids.name) == ("sent", "First")
        assert "Second" in notice.unreached and "550" in notice.unreached
        notice.mail_id.recipient_ids.email = "second@example.com"
    world.run_in_process(mark_outgoing_again)
    world.run_in_process(send_mails)
    assert mailbox.messages[1][0] == "second@example.com" and len(mailbox.messages) == 2
    with world.env() as env:
        notice = env["dunning.run"].browse(run_id).notice_ids
        assert notice.state == "sent" and len(notice.recipient_ids) == 2


def test_nightly_job_killed_in_the_middle_goes_on_and_sends_once_a_day(world, mailbox):
    with world.env() as env:
        env.company.dunning_automatic_sending = True

    def nightly(env):
        env["dunning.run"]._cron_send_automatic()

    for seconds in (0.3, 0.6, 0.9):
        world.run_killed(nightly, seconds)
    for _time in range(2):
        world.run_in_process(nightly)
    with world.env() as env:
        runs = env["dunning.run"].search([("automatic", "=", True)])
        assert len(runs) == 1
    assert_each_customer_once(world, runs.id)
    world.run_in_process(send_mails)
    reminders = [address for address, _content in mailbox.messages if "customer" in address]
    assert sorted(reminders) == sorted(set(reminders))
    assert len(reminders) == CUSTOMERS


def test_stopped_and_resumed(world):
    run_id = prepare(world)

    def stop_after_first_batch(env):
        sender = env.registry["dunning.sender"]
        send_batch = sender._send_batch

        def stopped(self, run, customers):
            send_batch(self, run, customers)
            run.action_stop()

        sender._send_batch = stopped
        env["dunning.run"].browse(run_id).action_send()

    world.run_in_process(stop_after_first_batch)
    with world.env() as env:
        run = env["dunning.run"].browse(run_id)
        assert run.state == "prepared"
        assert 0 < len(run.notice_ids) < CUSTOMERS
    world.run_in_process(send(run_id))
    assert_each_customer_once(world, run_id)
