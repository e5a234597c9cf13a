"""What customers say on the page of a reminder, said twice in the same moment."""

import threading
import time

from psycopg2.errors import UniqueViolation

SAID = {"text": "Bob is the right person, bob@example.com"}


def send_one(world):
    """Send the reminders of a run; return the id of one of them."""
    with world.env() as env:
        env.company.dunning_answers = True
        run = env["dunning.run"].create({})
        run.action_prepare()
        run.action_send()
        return run.notice_ids[0].id


def say(env, notice_id):
    from odoo.addons.dunning_exclusion.controllers import reminder_page

    notice = env["dunning.notice"].browse(notice_id)
    return reminder_page.answer(notice, "wrong_person", SAID, [])


def test_two_transactions_at_once_make_one_answer(world):
    notice_id = send_one(world)
    refused = []

    def say_again():
        with world.env() as env:
            try:
                with env.cr.savepoint():
                    say(env, notice_id)
            except UniqueViolation:
                # As the page does, which then shows what the other request has noted.
                refused.append(notice_id)

    with world.env() as env:
        say(env, notice_id)
        second = threading.Thread(target=say_again)
        second.start()
        # The second one sees nothing of the first, and waits for it.
        time.sleep(2)
        assert second.is_alive()
    second.join()
    assert refused == [notice_id]
    with world.env() as env:
        answer = env["dunning.answer"].search([("notice_id", "=", notice_id)])
        assert len(answer) == 1
        assert len(answer.activity_ids) == 1
