"""What axe, the checker of accessibility, finds on a screen in the real browser."""

import json
import os
from pathlib import Path
from unittest.mock import patch

from odoo.tests.common import ChromeBrowser

TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
# Our own components; the task list itself wraps the list of core.
OWN = (
    "[class*=o_dunning]:not(.o_dunning_task_list):not(.o_dunning_columns):not(.o_dunning_main)"
    ":not(.o_content):not(.o_dunning_dashboard):not(.o_dunning_reason_list):not(.o_search_panel)"
)
# Show each screen in turn, wait until it stands still, and say on the console what axe finds.
CHECK = """
(async () => {
    async function appears(selector) {
        for (let tries = 0; tries < 600; tries++) {
            const element = document.querySelector(selector);
            if (element) {
                return element;
            }
            await new Promise((resolve) => setTimeout(resolve, 100));
        }
        throw new Error(`${selector} does not appear`);
    }
    for (const screen of %(screens)s) {
        if (screen.action) {
            const { action } = odoo.__WOWL_DEBUG__.root.env.services;
            await action.doAction(screen.action, {
                clearBreadcrumbs: true,
                additionalContext: screen.context || {},
            });
        }
        for (const selector of screen.clicks || []) {
            const element = await appears(selector);
            element.focus();
            element.click();
        }
        if (screen.focus) {
            (await appears(screen.focus)).focus();
        }
        await appears(screen.shown);
        await new Promise((resolve) => setTimeout(resolve, 1000));
        const { violations } = await axe.run(
            screen.without ? { exclude: [[screen.without]] } : document,
            { runOnly: %(tags)s }
        );
        const found = violations.flatMap(({ id, nodes }) =>
            nodes.map(({ html, target }) => {
                const element = document.querySelector(target[0]);
                return [id, Boolean(element && element.closest("%(own)s")), html.slice(0, 300)];
            })
        );
        console.log("axe", JSON.stringify([screen.name, found]));
    }
    console.log("test successful");
})().catch((error) => console.error(`axe: ${error.message}`));
"""


def find_violations(test, path, screens, login=None, ready="true", tags=TAGS):
    """Open `path` in the browser and return what axe finds on each of the screens.

    :param test: an HttpCase
    :param screens: list of dicts: `name`; `shown`, a selector of what is there at last; when it is
        not the page of `path` itself, `action` and its `context` for the web client; selectors
        `clicks`, `focus`, and `without` of what is left out
    :return: {name of a screen: list of (rule of axe, whether it is ours, HTML)}
    """
    source = os.environ.get("DUNNING_AXE")
    if not source:
        test.fail("axe is missing: install Node.js with npm and start the tests by ./dev test.")
    words = {"screens": json.dumps(screens), "tags": json.dumps(tags), "own": OWN}
    code = Path(source).read_text() + CHECK % words
    told, handle = [], ChromeBrowser._handle_console

    def listen(browser, type, args=None, **options):
        told.append([arg.get("value") for arg in args or []])
        return handle(browser, type, args=args, **options)

    with patch.object(ChromeBrowser, "_handle_console", listen):
        test.browser_js(path, code, ready=ready, login=login, timeout=60 + 60 * len(screens))
    return dict(json.loads(words[1]) for words in told if words[:1] == ["axe"])
