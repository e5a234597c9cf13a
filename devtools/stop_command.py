"""./dev stop: stop the private PostgreSQL; the next command that needs it starts it again."""

from . import postgres
from .base import say


def run(_arguments):
    say("PostgreSQL stopped." if postgres.stop() else "PostgreSQL is not running.")
