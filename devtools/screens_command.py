"""./dev screens: take the pictures of the documentation, in a new database with the demo data."""

from contextlib import suppress

from playwright.sync_api import TimeoutError as NotInTime
from playwright.sync_api import sync_playwright

from . import databases, demo_command, packages
from .base import ROOT, free_port, say

PICTURES = ROOT / "dunning_exclusion/static/description"
SIZE = {"width": 1600, "height": 900}
ACTION = "action-dunning_exclusion"
# pages that are opened by address stay in the app Invoicing
CHOOSE_APP = """async () => {
    const menus = await (await fetch("/web/webclient/load_menus")).json();
    const app = Object.values(menus).find((m) => m.xmlid === "account.menu_finance");
    sessionStorage.setItem("menu_id", app.id);
}"""


def run(_arguments):
    packages.ensure_programs(packages.SCREENS)
    with databases.temporary(databases.template(), "_screens") as name:
        say("Preparing a database with demo data …")
        demo_command.fill(name)
        records = demo_command.in_shell(name, "prepare_pictures(env)").split()
        port = free_port()
        with demo_command.web_client(port, name), sync_playwright() as playwright:
            options = {"executable_path": packages.find("chromium"), "args": ["--no-sandbox"]}
            with playwright.chromium.launch(**options) as browser:
                page = browser.new_page(viewport=SIZE, locale="en-US", color_scheme="light")
                pictures(Client(page, f"http://localhost:{port}", "accountant"), *records)
    say(f"The pictures are in {PICTURES.relative_to(ROOT)}.")


class Client:
    """The web client of a user who is logged in."""

    def __init__(self, page, url, login):
        self.page, self.url = page, url
        page.set_default_timeout(180_000)
        page.goto(f"{url}/web/login")
        page.fill("input[name=login]", login)
        page.fill("input[name=password]", login)
        page.click(".oe_login_form button[type=submit]")
        # the first app that opens would be the one that stays
        self.wait(".o_main_navbar")
        page.evaluate(CHOOSE_APP)

    def open(self, path, selector):
        self.page.goto(f"{self.url}/odoo/{path}")
        self.wait(selector)

    def wait(self, selector):
        """Wait until something is there, and all that fades in."""
        self.page.wait_for_selector(selector)
        # some pages never stop asking the server something
        with suppress(NotInTime):
            self.page.wait_for_load_state("networkidle", timeout=5000)
        self.page.wait_for_function("document.fonts.status === 'loaded'")
        self.page.wait_for_timeout(400)

    def take(self, name):
        if self.page.locator(".o_error_dialog").count():
            raise RuntimeError(self.page.locator(".o_error_dialog").inner_text())
        self.page.screenshot(path=PICTURES / f"{name}.png")
        print(f"{name}.png", flush=True)


def pictures(user, customer, invoice, answers):
    user.open(f"{ACTION}.action_open_latest_run", ".o_list_view .o_data_row")
    # the first customer to whom a message goes
    selected = user.page.locator("input:checked")
    user.page.locator(".o_data_row", has=selected).first.locator("td").nth(1).focus()
    user.wait(".o_dunning_side .o_dunning_message")
    user.page.locator(".o_data_row .o_dunning_mark").first.hover()
    user.wait(".o-tooltip")
    user.take("task_list")
    user.open(f"{ACTION}.action_dashboard", ".o_dunning_card")
    user.take("dashboard")
    user.open(f"res.partner/{customer}", ".o_form_view")
    user.page.locator(".o_notebook_headers a", has_text="Follow-up").first.click()
    user.wait(".o_form_view")
    user.take("customer")
    user.open(f"account.move/{invoice}", ".o_form_view")
    user.take("invoice")
    user.open(f"{ACTION}.dunning_screening_action", ".o_list_view .o_group_header")
    user.page.locator(".o_group_header", has_text="Open the hold to resume").click()
    user.wait(".o_data_row")
    user.take("excluded")
    # the real message of that customer, before it is sent
    user.open(f"{ACTION}.action_open_latest_run", ".o_list_view .o_data_row")
    user.page.locator(".o_group_header", has=selected).locator(".fa-eye").first.click()
    user.wait(".modal .modal-body")
    user.page.mouse.move(0, 0)
    user.wait(".modal .modal-body")
    user.take("message")
    user.page.goto(f"{user.url}{answers}")
    user.wait("main h1")
    user.take("answers")
