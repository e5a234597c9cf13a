"""The servers that ./dev starts refuse what any web page could ask: to list or drop databases."""

import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
import xmlrpc.client
from pathlib import Path

import pytest

from devtools import databases, demo_command, odoo_env, postgres
from devtools.base import free_port

FORMS = {
    "drop": {"name": "%s"},
    "duplicate": {"name": "%s", "new_name": "dunning_copy"},
    "backup": {"name": "%s"},
    "create": {"name": "dunning_new", "lang": "en_US", "login": "a", "password": "a"},
    "change_password": {"master_pwd_new": "known"},
}


@pytest.fixture(scope="module")
def database():
    with databases.temporary(databases.template(), "_manager") as name:
        yield name


@pytest.fixture(scope="module")
def url(database):
    port = free_port()
    with demo_command.web_client(port, database):
        yield f"http://127.0.0.1:{port}"


def master_password():
    text = Path(odoo_env.environment()[2]["ODOO_RC"]).read_text()
    return re.search(r"^admin_passwd = (\S+)$", text, re.MULTILINE)[1]


def get(request):
    """Return (status, text) of an answer, also of a refusal."""
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def call(url, path, params):
    body = json.dumps({"jsonrpc": "2.0", "method": "call", "params": params}).encode()
    request = urllib.request.Request(url + path, body, {"Content-Type": "application/json"})
    return json.loads(get(request)[1])


def test_the_master_password_is_random_and_private():
    assert len(master_password()) >= 32
    assert os.stat(odoo_env.environment()[2]["ODOO_RC"]).st_mode & 0o077 == 0


@pytest.mark.parametrize("action", FORMS)
def test_forms_of_the_manager_are_refused_even_with_the_password(url, database, action):
    for password in ("admin", master_password()):
        values = {key: value.replace("%s", database) for key, value in FORMS[action].items()}
        form = urllib.parse.urlencode({"master_pwd": password, **values}).encode()
        text = get(urllib.request.Request(f"{url}/web/database/{action}", form))[1]
        assert "Access Denied" in text or "disabled by the administrator" in text
    assert database in postgres.databases()
    assert not postgres.databases() & {"dunning_copy", "dunning_new"}


@pytest.mark.parametrize("page", ["manager", "selector"])
def test_pages_of_the_manager_name_no_database(url, database, page):
    text = get(f"{url}/web/database/{page}")[1]
    assert "disabled by the administrator" in text and database not in text


@pytest.mark.parametrize("method", ["drop", "rename", "dump", "duplicate_database", "list"])
def test_the_database_service_refuses(url, database, method):
    arguments = {
        "drop": [master_password(), database],
        "rename": [master_password(), database, "dunning_copy"],
        "dump": [master_password(), database, "zip"],
        "duplicate_database": [master_password(), database, "dunning_copy"],
        "list": [],
    }[method]
    params = {"service": "db", "method": method, "args": arguments}
    answer = call(url, "/jsonrpc", params)
    assert answer["error"]["data"]["name"] == "odoo.exceptions.AccessDenied"
    with pytest.raises(xmlrpc.client.Fault, match="Access Denied"):
        getattr(xmlrpc.client.ServerProxy(f"{url}/xmlrpc/2/db"), method)(*arguments)
    assert "error" in call(url, "/web/database/list", {})
    assert database in postgres.databases() and "dunning_copy" not in postgres.databases()
