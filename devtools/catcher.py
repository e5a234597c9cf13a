"""A mail server on loopback that keeps what it gets, and a page that shows it.

usage: catcher.py FOLDER SMTP_PORT HTTP_PORT
"""

import email
import email.policy
import html
import mailbox
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, unquote

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Mailbox

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{0}</title><style>
body {{ font: 15px/1.4 Roboto, sans-serif; margin: 2rem; color: #1f2937 }}
th, td {{ text-align: left; padding: .4rem .8rem; border-bottom: 1px solid #e5e7eb }}
a {{ color: #017e84 }} iframe {{ width: 100%; height: 75vh; border: 1px solid #e5e7eb }}
</style></head><body><h1>{0}</h1><table>{1}</table>{2}</body></html>"""
# a message can neither run scripts nor load anything
BODY_POLICY = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'"
HEADERS = ("Date", "From", "To", "X-RcptTo", "Reply-To")


class Pages(BaseHTTPRequestHandler):
    """`/`: the messages; `/NAME`: one; `/NAME/body`; `/NAME/NUMBER`: an attachment."""

    folder = None

    def do_GET(self):
        name, _slash, part = unquote(self.path).strip("/").partition("/")
        self.box = mailbox.Maildir(self.folder)
        if not name:
            return self.overview()
        if name not in self.box:
            return self.send_error(404)
        message = self.read(name)
        files = list(message.iter_attachments())
        if not part:
            return self.message(name, message, files)
        if part == "body":
            body = message.get_body(("html", "plain"))
            content = body.get_content() if body else ""
            if body and body.get_content_type() == "text/plain":
                content = f"<pre>{html.escape(content)}</pre>"
            return self.answer(content, **{"Content-Security-Policy": BODY_POLICY})
        if part.isdigit() and int(part) < len(files):
            file = files[int(part)]
            name = quote(file.get_filename() or "file")
            disposition = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
            data = file.get_payload(decode=True) or b""
            return self.answer(data, **{"Content-Type": file.get_content_type()}, **disposition)
        return self.send_error(404)

    def read(self, name):
        return email.message_from_bytes(self.box.get_bytes(name), policy=email.policy.default)

    def overview(self):
        rows = [
            row(message["Date"], message["X-RcptTo"])
            + f"<td><a href='/{quote(name)}'>{html.escape(message['Subject'] or '…')}</a></td>"
            for name, message in ((name, self.read(name)) for name in sorted(self.box.keys()))
        ]
        title = "1 message caught" if len(rows) == 1 else f"{len(rows)} messages caught"
        self.answer(PAGE.format(title, "".join(reversed(rows)), ""))

    def message(self, name, message, files):
        rows = "".join(row(head, *message.get_all(head, [])) for head in HEADERS)
        links = " ".join(
            f"<a href='/{quote(name)}/{number}'>{html.escape(file.get_filename() or 'file')}</a>"
            for number, file in enumerate(files)
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


def row(*cells):
    return "<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in cells)


def main(folder, smtp_port, http_port):
    Pages.folder = folder
    controller = Controller(Mailbox(folder), hostname="127.0.0.1", port=int(smtp_port))
    controller.start()
    server = ThreadingHTTPServer(("127.0.0.1", int(http_port)), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    # ends with the process that started it
    sys.stdin.read()
    controller.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
