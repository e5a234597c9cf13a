"""A mail server on loopback that keeps what it gets, and a page that shows it."""

import contextlib
import email
import email.policy
import mailbox
import threading
from base64 import b64encode
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, unquote

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Mailbox

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{0}</title><style>
body {{ font: 15px/1.4 Roboto, sans-serif; margin: 2rem; color: #1f2937 }}
th, td {{ text-align: left; padding: .4rem .8rem; border-bottom: 1px solid #e5e7eb }}
a {{ color: #017e84 }} iframe {{ width: 100%; height: 75vh; border: 1px solid #e5e7eb }}
</style></head><body><h1>{0}</h1><table>{1}</table>{2}</body></html>"""
BODY = """<p>{} <a href="/">All messages</a></p><iframe title="Message"
sandbox="allow-popups allow-popups-to-escape-sandbox" srcdoc="{}"></iframe>"""
FILE = "<a download='{0}' href='data:application/octet-stream;base64,{1}'>{0}</a> "
# a message can neither run scripts nor load anything; its links open in another tab
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
HEADERS = ("Date", "From", "To", "X-RcptTo", "Reply-To")


@contextlib.contextmanager
def catching(folder, smtp_port, http_port):
    """Keep messages in a folder and show them, for as long as the block."""
    controller = Controller(Mailbox(folder), hostname="127.0.0.1", port=smtp_port)
    pages = ThreadingHTTPServer(("127.0.0.1", http_port), Pages)
    pages.folder = folder
    controller.start()
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        pages.shutdown()
        pages.server_close()
        controller.stop()


class Pages(BaseHTTPRequestHandler):
    """`/` lists the messages, `/NAME` shows one."""

    def do_GET(self):
        box = mailbox.Maildir(self.server.folder, factory=read)
        name = unquote(self.path).strip("/")
        if name and name not in box:
            return self.send_error(404)
        data = (message(box[name]) if name else overview(box)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()
        return self.wfile.write(data)

    def log_message(self, *_arguments):
        pass


def read(file):
    return email.message_from_binary_file(file, policy=email.policy.default)


def row(*cells):
    return "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in cells)


def overview(box):
    rows = [
        row(one["Date"], one["X-RcptTo"])
        + f"<td><a href='/{quote(name)}'>{escape(one['Subject'] or '…')}</a></td>"
        for name, one in sorted(box.items(), reverse=True)
    ]
    title = "1 message caught" if len(rows) == 1 else f"{len(rows)} messages caught"
    return PAGE.format(title, "".join(rows), "")


def message(found):
    rows = "".join(row(head, *found.get_all(head, [])) for head in HEADERS)
    files = "".join(
        FILE.format(
            escape(file.get_filename() or "file"), b64encode(file.get_payload(decode=True)).decode()
        )
        for file in found.iter_attachments()
    )
    part = found.get_body(("html", "plain"))
    body = f"<base target=_blank>{part.get_content()}" if part else ""
    if part and part.get_content_type() == "text/plain":
        body = f"<pre>{escape(part.get_content())}</pre>"
    return PAGE.format(escape(found["Subject"] or "…"), rows, BODY.format(files, escape(body)))
