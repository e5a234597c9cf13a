"""Arguments of public methods, which may be anything: understood, or refused in plain words."""

from contextlib import contextmanager

from psycopg2 import DataError

from odoo import fields
from odoo.exceptions import UserError

# The largest id that PostgreSQL keeps.
LAST_ID = 2**31 - 1
# The keys of a context that say what the user sees.
KEPT = ("lang", "tz", "uid", "allowed_company_ids")


def check_one(records):
    """Check that `records` is one record, which `ensure_one` would tell programmers only.

    :raise UserError: for none and for several, or when the user may not read it
    """
    if len(records) != 1:
        raise UserError(records.env._("Choose exactly one record for this."))
    records.check_access("read")


def read_record(model, res_id):
    """Return the record of `model` with the id `res_id`, which the user may read.

    :raise UserError: when there is no such record, or when the user may not read it
    """
    record = model.browse(read_ids(model.env, [res_id])).exists()
    if not record:
        raise UserError(model.env._("The record does not exist: reload the page."))
    record.check_access("read")
    return record


def read_ids(env, values):
    """Return `values` as a list when they are ids of records.

    :raise UserError: when they are not
    """
    if not isinstance(values, (list, tuple)) or not all(
        isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LAST_ID
        for value in values
    ):
        raise UserError(env._("Records are named by their ids, which are whole numbers above 0."))
    return list(values)


def read_date(env, value):
    """Return `value` as a date: a date already, or text like 2026-12-31; None when it is empty.

    :raise UserError: when it is neither
    """
    try:
        return fields.Date.to_date(value) if value else None
    except (TypeError, ValueError, AttributeError) as error:
        raise UserError(env._("The date must be a day written like 2026-12-31.")) from error


@contextmanager
def understand_domain(env):
    """Refuse a domain that Odoo or PostgreSQL cannot understand where it is used.

    :raise UserError: instead of the errors that are meant for programmers
    """
    try:
        yield
    except (TypeError, ValueError, AttributeError, KeyError, DataError) as error:
        raise UserError(
            env._(
                "The filter cannot be understood: correct its conditions. (%(error)s)", error=error
            )
        ) from error


def without_context(records):
    """Return `records` with what people choose in a context: language, time zone and companies.

    Everything else in the context of a client would steer what buttons do with the rights of the
    system: defaults of the messages, whether archived contacts get them, when a job commits.
    """
    context = {name: records.env.context[name] for name in KEPT if name in records.env.context}
    return records.with_env(records.env(context=context))
