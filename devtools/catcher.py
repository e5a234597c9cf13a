"""A mail server on loopback that keeps what it gets, and a page that shows it.

usage: catcher.py FOLDER SMTP_PORT HTTP_PORT
"""

import email
import email.policy
import html
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, unquote

from aiosmtpd.controller import Controller

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{0}</title><style>
body {{ font: 15px/1.4 Roboto, sans-serif; margin: 2rem; color: #1f2937 }}
th, td {{ text-align: left; padding: .4rem .8rem; border-bottom: 1px solid #e5e7eb }}
a {{ color: #017e84 }} iframe {{ width: 100%; height: 75vh; border: 1px solid #e5e7eb }}
</style></head><body><h1>{0}</h1><table>{1}</table>{2}</body></html>"""
# a message can neither run scripts nor load anything
BODY_POLICY = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'"
HEADERS = ("Date", "From", "To", "X-Envelope-To", "Reply-To")


class Keeper:
    """Keep each message in a file of its own, complete from the moment it has its name."""

    def __init__(self, folder):
        self.folder = folder

    async def handle_DATA(self, _server, _session, envelope):
        recipients = "".join(f"X-Envelope-To: {to}\r\n" for to in envelope.rcpt_tos)
        draft = self.folder / f"{time.time_ns()}.part"
        draft.write_bytes(recipients.encode() + envelope.content)
        draft.rename(draft.with_suffix(".eml"))
        return "250 Kept"


class Pages(BaseHTTPRequestHandler):
    """`/`: the messages; `/NAME`: one; `/NAME/body`; `/NAME/NUMBER`: an attachment."""

    folder = None

    def do_GET(self):
        name, _slash, part = unquote(self.path).strip("/").partition("/")
        path = self.folder / name
        if not name:
            return self.overview()
        if path.parent != self.folder or path.suffix != ".eml" or not path.exists():
            return self.send_error(404)
        message = read(path)
        files = dict(enumerate(message.iter_attachments()))
        if not part:
            return self.message(name, message, files)
        if part == "body":
            body = message.get_body(("html", "plain"))
            content = body.get_content() if body else ""
            if body and body.get_content_type() == "text/plain":
                content = f"<pre>{html.escape(content)}</pre>"
            return self.answer(content, **{"Content-Security-Policy": BODY_POLICY})
        if part.isdigit() and int(part) in files:
            file = files[int(part)]
            name = quote(file.get_filename() or "file")
            disposition = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
            data = file.get_payload(decode=True) or b""
            return self.answer(data, **{"Content-Type": file.get_content_type()}, **disposition)
        return self.send_error(404)

    def overview(self):
        messages = [(path.name, read(path)) for path in sorted(self.folder.glob("*.eml"))]
        rows = "".join(
            row(message["Date"], ", ".join(message.get_all("X-Envelope-To", [])))
            + f"<td><a href='/{quote(name)}'>{html.escape(message['Subject'] or '…')}</a></td>"
            for name, message in reversed(messages)
        )
        self.answer(PAGE.format(f"{len(messages)} messages caught", rows, ""))

    def message(self, name, message, files):
        rows = "".join(row(head, *message.get_all(head, [])) for head in HEADERS)
        links = " ".join(
            f"<a href='/{quote(name)}/{number}'>{html.escape(file.get_filename() or 'file')}</a>"
            for number, file in files.items()
        )
        body = f"<p>{links} <a href='/'>All messages</a></p>"
        body += f"<iframe src='/{quote(name)}/body' title='Message' sandbox></iframe>"
        self.answer(PAGE.format(html.escape(message["Subject"] or "…"), rows, body))

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


def read(path):
    return email.message_from_bytes(path.read_bytes(), policy=email.policy.default)


def row(*cells):
    return "<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in cells)


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
