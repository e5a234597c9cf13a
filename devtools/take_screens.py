"""Takes the pictures of the documentation as the demo's users see them. See screens_command.py."""

import sys
from contextlib import contextmanager, suppress

from playwright.sync_api import TimeoutError as NotInTime
from playwright.sync_api import sync_playwright

SIZE = {"width": 1366, "height": 860}
ADDON = "dunning_exclusion"


class Client:
    """A user in the web client."""

    def __init__(self, page, url, folder):
        self.page, self.url, self.folder = page, url, folder

    def log_in(self, login):
        self.page.goto(f"{self.url}/web/login")
        self.page.fill("input[name=login]", login)
        self.page.fill("input[name=password]", login)
        self.page.click(".oe_login_form button[type=submit]")
        self.page.wait_for_selector(".o_main_navbar")
        # pages that are opened by address stay in the app Invoicing
        self.page.evaluate(
            """async () => {
                const menus = await (await fetch("/web/webclient/load_menus")).json();
                const app = Object.values(menus).find((m) => m.xmlid === "account.menu_finance");
                sessionStorage.setItem("menu_id", app.id);
            }"""
        )

    def call(self, model, method, *args, **kwargs):
        """Call a method as the user who is logged in."""
        answer = self.page.evaluate(
            """async ([model, method, args, kwargs]) => {
                const response = await fetch(`/web/dataset/call_kw/${model}/${method}`, {
                    method: "POST",
                    headers: {"Content-Type": "application/json"},
                    body: JSON.stringify({jsonrpc: "2.0", method: "call",
                                          params: {model, method, args, kwargs}}),
                });
                return await response.json();
            }""",
            [model, method, args, kwargs],
        )
        if "error" in answer:
            raise RuntimeError(answer["error"]["data"]["debug"])
        return answer["result"]

    def record(self, model, name):
        """Return the id of the record whose name begins like this."""
        return self.call(model, "search", [["name", "=like", f"{name}%"]], limit=1)[0]

    def open(self, path, selector):
        self.page.goto(f"{self.url}/odoo/{path}")
        self.page.wait_for_selector(selector)
        self.settle()

    def settle(self):
        # some pages never stop asking the server something
        with suppress(NotInTime):
            self.page.wait_for_load_state("networkidle", timeout=5000)
        self.page.wait_for_function("document.fonts.status === 'loaded'")
        self.page.wait_for_timeout(400)

    def take(self, name):
        if self.page.locator(".o_error_dialog").count():
            raise RuntimeError(self.page.locator(".o_error_dialog").inner_text())
        self.page.screenshot(path=f"{self.folder}/{name}.png")
        print(f"{name}.png", flush=True)


@contextmanager
def client(browser, url, folder, login):
    context = browser.new_context(viewport=SIZE, locale="en-US", color_scheme="light")
    page = context.new_page()
    page.set_default_timeout(180_000)
    user = Client(page, url, folder)
    user.log_in(login)
    yield user
    context.close()


def pictures(user):
    run = user.call("dunning.run", "create", [{}])[0]
    user.call("dunning.run", "action_prepare", run)
    task_list(user)
    dashboard(user)
    customer(user)
    invoice(user)
    user.open(f"action-{ADDON}.dunning_screening_action", ".o_list_view")
    user.take("excluded")
    message(user)


def task_list(user):
    user.open(f"action-{ADDON}.action_open_latest_run", ".o_list_view .o_data_row")
    user.page.locator(".o_dunning_mark").first.hover()
    user.page.wait_for_selector(".o-tooltip")
    # it fades in
    user.settle()
    user.take("task_list")


def dashboard(user):
    user.open(f"action-{ADDON}.action_dashboard", ".o_dunning_card")
    user.take("dashboard")


def customer(user):
    partner = user.record("res.partner", "Cedar Bakery")
    user.open(f"res.partner/{partner}", ".o_form_view")
    tab = user.page.locator(".o_notebook_headers a", has_text="Follow-up").first
    tab.click()
    user.settle()
    user.take("customer")


def invoice(user):
    partner = user.record("res.partner", "Riverside Hotel")
    domain = [["partner_id", "=", partner], ["dunning_pause", "=", True]]
    move = user.call("account.move", "search", domain, limit=1)[0]
    user.open(f"account.move/{move}", ".o_form_view")
    user.take("invoice")


def message(user):
    """The real message of the first customer of the list, before it is sent."""
    user.open(f"action-{ADDON}.action_open_latest_run", ".o_list_view .o_data_row")
    user.page.locator(".o_group_header .fa-eye").first.click()
    user.page.wait_for_selector(".modal .modal-body")
    user.settle()
    user.take("message")


def main(url, executable, folder):
    with sync_playwright() as playwright:
        options = {"executable_path": executable, "args": ["--no-sandbox"]}
        browser = playwright.chromium.launch(**options)
        with client(browser, url, folder, "accountant") as user:
            pictures(user)
        browser.close()


main(*sys.argv[1:])
