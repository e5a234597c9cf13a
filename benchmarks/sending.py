"""Sending: the cost of one customer, against the same messages made by Odoo's own batch."""

from .clock import Clock, memory_above
from .measures import Measure

CUSTOMERS = (100, 1000, 10000)
WARM_UP = 20


def send(env, sizes=CUSTOMERS):
    """Send to so many customers; the messages stay in the mail queue.

    Each size takes customers of its own, so nothing is undone in between; sizes for which there
    are not enough customers are left out.
    """
    run = env["dunning.run"].create({})
    run.action_prepare()
    env.cr.execute("UPDATE dunning_run_line SET checked = FALSE WHERE run_id = %s", [run.id])
    # What a process needs once, templates and their views, is not the cost of a customer.
    send_some(env, run, WARM_UP)
    left = count_customers(env, run) - WARM_UP
    per_customer = {}
    for size in sizes:
        if size > left:
            break
        left -= size
        with memory_above() as memory:
            seconds = send_some(env, run, size)
        notices = env["dunning.notice"].search(
            [("run_id", "=", run.id), ("mail_id", "!=", False)], limit=size, order="id desc"
        )
        assert len(notices) == size, f"{len(notices)} messages instead of {size}"
        per_customer[size] = seconds / size * 1000
        yield from compare(env, size, seconds, notices)
        yield Measure(f"memory of sending {size} customers", memory.megabytes, "MB", limit=300)
    if len(per_customer) > 1:
        few, many = min(per_customer), max(per_customer)
        yield Measure(
            f"cost per customer, {many} customers",
            *(per_customer[many], "ms", per_customer[few], f"of {few}", 1.15),
        )


def count_customers(env, run):
    env.cr.execute(
        """SELECT COUNT(DISTINCT partner_id) FROM dunning_run_line
            WHERE run_id = %s AND outcome = 'included'""",
        [run.id],
    )
    return env.cr.fetchone()[0]


def send_some(env, run, size):
    """Tick the included lines of `size` more customers, send them, and return the seconds."""
    env.cr.execute(
        """UPDATE dunning_run_line SET checked = TRUE
            WHERE run_id = %(run)s AND outcome = 'included' AND notice_id IS NULL
              AND partner_id IN (
                  SELECT partner_id FROM dunning_run_line
                   WHERE run_id = %(run)s AND outcome = 'included' AND notice_id IS NULL
                   GROUP BY partner_id HAVING COUNT(*) FILTER (WHERE checked) = 0
                   ORDER BY partner_id LIMIT %(size)s)""",
        {"run": run.id, "size": size},
    )
    env["dunning.run.line"].invalidate_model()
    # sudo: users do not write the state of a run
    run.sudo().state = "prepared"
    env.cr.commit()
    return Clock(env).once(run.action_send)


def compare(env, size, seconds, notices):
    """Make the same messages again in one batch, without any of what sending has to know."""
    sample = notices[:1000]
    # sudo: as the addon sends, users need no rights on mails
    template = sample[:1]._template().sudo()

    def batch():
        template.send_mail_batch(
            sample.ids,
            email_values={"auto_delete": False, "email_to": False, "email_cc": False},
            email_layout_xmlid=template.email_layout_xmlid or sample._mail_layout(),
        )

    same = sample.filtered(lambda notice: notice._template() == template)
    assert same == sample
    clock = Clock(env)
    floor = clock.median(batch, undo=env.cr.rollback) * size / len(sample)
    yield Measure(f"send {size} customers", seconds, "s", floor, "send_mail_batch of the same", 2.5)
