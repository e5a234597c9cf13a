"""The mail catcher of the demo keeps and shows messages."""

import contextlib
import re
import smtplib
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from email.message import EmailMessage

import pytest

from devtools import base, demo_command


@pytest.fixture
def ports(tmp_path, monkeypatch):
    monkeypatch.setenv("DUNNING_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(demo_command.venv, "ensure", lambda: sys.executable)
    smtp, pages = base.free_port(), base.free_port()
    with demo_command.catcher(tmp_path / "mail", smtp, pages):
        yield smtp, f"http://127.0.0.1:{pages}"


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode(), answer.headers


def test_a_message_is_listed_and_shown_with_its_attachment(ports):
    smtp, url = ports
    message = EmailMessage()
    message["Subject"], message["From"] = "Reminder <1>", "company@example.com"
    message["To"] = "customer@example.com"
    message.set_content("<b>Please pay</b><script>alert(1)</script>", subtype="html")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="Invoice.pdf")
    with smtplib.SMTP("127.0.0.1", smtp) as server:
        server.send_message(message)
    overview = get(url)[0]
    assert "1 message caught" in overview and "Reminder &lt;1&gt;" in overview
    (path,) = re.findall(r"href='(/\S+)'", overview)
    shown = get(url + path)[0]
    assert "customer@example.com" in shown and "Invoice.pdf" in shown
    body, headers = get(f"{url}{path}/body")
    assert "<b>Please pay</b>" in body and "sandbox" in headers["Content-Security-Policy"]
    attached, headers = get(f"{url}{path}/0")
    assert attached == "%PDF" and headers["Content-Type"] == "application/pdf"


def test_nothing_but_messages_is_served(ports):
    for path in ("/../secret", "/nothing.eml", "/%2e%2e%2fcache"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            get(ports[1] + path)


def test_it_ends_with_the_process_that_started_it(tmp_path):
    code = "import sys; sys.stdin.read()"
    with base.running([sys.executable, "-c", code], tmp_path / "log", stdin=subprocess.PIPE) as run:
        assert run.poll() is None
    assert run.poll() is not None


def test_another_mail_catcher_on_the_machine_is_passed_over():
    with contextlib.ExitStack() as stack:
        for port in (8025, 8026):
            other = stack.enter_context(socket.socket())
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # somebody else may have it already, which is as good
            with contextlib.suppress(OSError):
                other.bind(("127.0.0.1", port))
                other.listen()
        smtp, pages = demo_command.mail_ports()
    assert len({smtp, pages, 8025, 8026}) == 4


def test_the_demo_says_what_is_missing_and_goes_on(monkeypatch, capsys):
    monkeypatch.setattr(demo_command.machine, "find", lambda package: None)
    monkeypatch.setattr(demo_command.machine, "is_root", lambda: False)
    demo_command.machine.ensure(demo_command.machine.DEMO, else_say=demo_command.WITHOUT)
    said = capsys.readouterr().err
    assert "wkhtmltopdf" in said and "goes on" in said
    with pytest.raises(base.DevError, match="Please install: wkhtmltopdf"):
        demo_command.machine.ensure(demo_command.machine.DEMO)
