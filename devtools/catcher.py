"""A mail server on loopback that keeps what it gets, and a page that shows it.

usage: catcher.py FOLDER SMTP_PORT HTTP_PORT
"""

import email
import email.policy
import html
import sys
import threading
import time
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, unquote

from aiosmtpd.controller import Controller

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 15px/1.4 Roboto, sans-serif; margin: 2rem; color: #1f2937 }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ text-align: left; padding: .4rem .8rem; border-bottom: 1px solid #e5e7eb }}
a {{ color: #017e84 }} iframe {{ width: 100%; height: 75vh; border: 1px solid #e5e7eb }}
</style></head><body><h1>{title}</h1>{body}</body></html>"""
# a message can neither run scripts nor load anything
BODY_POLICY = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'"


class Keeper:
    """Keep each message in a file of its own, complete from the moment it has its name."""

    def __init__(self, folder):
        self.folder = folder
        self.count = 0

    async def handle_DATA(self, _server, _session, envelope):
        self.count += 1
        name = f"{time.time_ns()}-{self.count:04}.eml"
        recipients = "".join(f"X-Envelope-To: {to}\r\n" for to in envelope.rcpt_tos)
        draft = self.folder / f"{name}.part"
        draft.write_bytes(recipients.encode() + envelope.content)
        draft.rename(self.folder / name)
        return "250 Kept"


@lru_cache(maxsize=10000)
def read(path):
    return email.message_from_bytes(path.read_bytes(), policy=email.policy.default)


def text(value):
    return html.escape(str(value or ""))


def recipients(message):
    return ", ".join(message.get_all("X-Envelope-To", [])) or message["To"]


def moment(message):
    try:
        return parsedate_to_datetime(message["Date"]).strftime("%Y-%m-%d %H:%M:%S")
    except (TypeError, ValueError):
        return message["Date"]


class Pages(BaseHTTPRequestHandler):
    folder = None

    def do_GET(self):
        _nothing, kind, *rest = [unquote(part) for part in self.path.split("/")]
        path = self.folder / rest[0] if rest else None
        if not kind:
            self.answer(self.overview())
        elif path and path.parent == self.folder and path.suffix == ".eml" and path.exists():
            self.show(kind, path, rest[1:])
        else:
            self.send_error(404)

    def show(self, kind, path, rest):
        message = read(path)
        if kind == "message":
            self.answer(self.message(path.name, message))
        elif kind == "body":
            part = message.get_body(("html", "plain"))
            content = part.get_content() if part else ""
            if part and part.get_content_type() == "text/plain":
                content = f"<pre>{text(content)}</pre>"
            self.answer(content, **{"Content-Security-Policy": BODY_POLICY})
        elif kind == "file" and rest and rest[0].isdigit():
            parts = list(message.iter_attachments())
            self.download(parts, int(rest[0]))
        else:
            self.send_error(404)

    def overview(self):
        rows = ""
        paths = sorted(self.folder.glob("*.eml"), reverse=True)
        for path in paths:
            message = read(path)
            link = f'<a href="/message/{quote(path.name)}">{text(message["Subject"])}</a>'
            cells = (text(moment(message)), text(recipients(message)), link)
            rows += "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
        heads = "<tr><th>Date</th><th>Recipient</th><th>Subject</th></tr>"
        title = f"{len(paths)} messages caught"
        return PAGE.format(title=title, body=f"<table>{heads}{rows}</table>")

    def message(self, name, message):
        heads = "".join(
            f"<tr><th>{head}</th><td>{text(value)}</td></tr>"
            for head, value in (
                ("Date", moment(message)),
                ("From", message["From"]),
                ("To", message["To"]),
                ("Delivered to", recipients(message)),
                ("Reply to", message["Reply-To"]),
            )
        )
        files = "".join(
            f'<li><a href="/file/{quote(name)}/{number}">{text(part.get_filename())}</a></li>'
            for number, part in enumerate(message.iter_attachments())
        )
        frame = f'<iframe src="/body/{quote(name)}" title="Message" sandbox></iframe>'
        body = f'<p><a href="/">All messages</a></p><table>{heads}</table><ul>{files}</ul>{frame}'
        return PAGE.format(title=text(message["Subject"]), body=body)

    def download(self, parts, number):
        if number >= len(parts):
            self.send_error(404)
            return
        part = parts[number]
        content = part.get_payload(decode=True) or b""
        name = quote(part.get_filename() or "file")
        disposition = f"attachment; filename*=UTF-8''{name}"
        headers = {"Content-Type": part.get_content_type(), "Content-Disposition": disposition}
        self.answer(content, **headers)

    def answer(self, content, **headers):
        data = content if isinstance(content, bytes) else content.encode()
        headers = {"Content-Type": "text/html; charset=utf-8", **headers}
        self.send_response(200)
        for name, value in {**headers, "Content-Length": len(data)}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_arguments):
        pass


def main(folder, smtp_port, http_port):
    Pages.folder = Path(folder)
    controller = Controller(Keeper(Pages.folder), hostname="127.0.0.1", port=int(smtp_port))
    controller.start()
    server = ThreadingHTTPServer(("127.0.0.1", int(http_port)), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    # ends with the process that started it
    sys.stdin.read()
    controller.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
