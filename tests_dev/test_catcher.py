"""The mail catcher of the demo keeps and shows messages."""

import contextlib
import re
import smtplib
import socket
import urllib.error
import urllib.request
from base64 import b64decode
from email.message import EmailMessage

import pytest
from lxml import html

from devtools import base, catcher, demo_command, packages


@pytest.fixture
def ports(tmp_path):
    smtp, pages = base.free_port(), base.free_port()
    with catcher.catching(tmp_path / "mail", smtp, pages):
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
    shown, headers = get(url + path)
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    page = html.fromstring(shown)
    assert "customer@example.com" in page.findtext(".//table/tr[3]/td[2]")
    (body,) = page.iter("iframe")
    assert "allow-scripts" not in body.get("sandbox") and "same-origin" not in body.get("sandbox")
    assert "<b>Please pay</b><script>" in body.get("srcdoc")
    (file,) = page.xpath("//a[@download='Invoice.pdf']")
    assert b64decode(file.get("href").partition("base64,")[2]) == b"%PDF"
    assert not page.xpath("//script")


def test_nothing_but_messages_is_served(ports):
    for path in ("/../secret", "/nothing.eml", "/%2e%2e%2fcache"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            get(ports[1] + path)


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
    monkeypatch.setattr(packages, "find", lambda package: None)
    monkeypatch.setattr(packages, "is_root", lambda: False)
    packages.ensure_programs(packages.DEMO, else_say=demo_command.WITHOUT)
    said = capsys.readouterr().err
    assert "wkhtmltopdf" in said and "goes on" in said
    with pytest.raises(base.DevError, match="Please install: wkhtmltopdf"):
        packages.ensure_programs(packages.DEMO)
