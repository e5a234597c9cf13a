"""Keys that a tour presses in the browser itself, as a person does, not as simulated events."""

from contextlib import contextmanager
from unittest.mock import patch

from odoo.tests.common import ChromeBrowser

# key: (what it types, its number in the browser)
KEYS = {"Tab": ("", 9), "Enter": ("\r", 13), " ": (" ", 32), "ArrowDown": ("", 40)}


@contextmanager
def real_keys():
    """Press each key that a page names on the console: `console.log("press", "Tab")`."""
    handle = ChromeBrowser._handle_console

    def listen(browser, type, args=None, **options):
        words = [arg.get("value") for arg in args or []]
        if words[:1] == ["press"]:
            _press(browser, words[1])
        return handle(browser, type, args=args, **options)

    with patch.object(ChromeBrowser, "_handle_console", listen):
        yield


def _press(browser, key):
    text, number = KEYS.get(key, (key, ord(key[0].upper())))
    values = {"key": key, "text": text, "windowsVirtualKeyCode": number}
    down = {"type": "keyDown" if text else "rawKeyDown", **values}
    for event in (down, {"type": "keyUp", **values, "text": ""}):
        browser._websocket_send("Input.dispatchKeyEvent", params=event)
