"""Odoo's tests under pytest: what Odoo's own test runner does and pytest-odoo does not."""

import logging

import pytest


class Errors(logging.Handler):
    """Keep what is logged as an error."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.messages = []

    def emit(self, record):
        self.messages.append(f"{record.levelname} {record.name}: {record.getMessage()}"[:2000])

    def fail(self):
        """Fail when something was logged since the last call."""
        messages, self.messages = self.messages, []
        if messages:
            pytest.fail("Logged as an error:\n" + "\n".join(messages), pytrace=False)


ERRORS = Errors()


def pytest_configure(config):
    if config.getoption("odoo_database", None):
        logging.getLogger().addHandler(ERRORS)
    if config.pluginmanager.hasplugin("odoo"):
        from odoo.tests import BaseCase

        # The first request of a browser makes the bundles of the web client while others wait.
        BaseCase.test_cursor_lock_timeout = 120


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Fail a test that passes, but logs an error that it does not expect."""
    result = yield
    ERRORS.fail()
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item):
    result = yield
    ERRORS.fail()
    return result


def pytest_pycollect_makeitem(collector, name, obj):
    """Leave out classes that a file imports: they are collected where they are defined."""
    if isinstance(obj, type) and obj.__module__ != collector.obj.__name__:
        return []
    return None
