import { _t } from "@web/core/l10n/translation";
import { formatInteger } from "@web/views/fields/formatters";

/** How many there are, in words: each of them is one text to translate. */
export const counted = {
    messages: (n) => (n === 1 ? _t("1 message") : _t("%s messages", formatInteger(n))),
    customers: (n) => (n === 1 ? _t("1 customer") : _t("%s customers", formatInteger(n))),
    letters: (n) => (n === 1 ? _t("1 letter") : _t("%s letters", formatInteger(n))),
    items: (n) => (n === 1 ? _t("1 item") : _t("%s items", formatInteger(n))),
    toSend: (n) => (n === 1 ? _t("1 to send") : _t("%s to send", formatInteger(n))),
    heldBack: (n) => (n === 1 ? _t("1 held back") : _t("%s held back", formatInteger(n))),
    notListed: (n) => (n === 1 ? _t("1 not listed") : _t("%s not listed", formatInteger(n))),
    sent: (n) => (n === 1 ? _t("1 sent") : _t("%s sent", formatInteger(n))),
    waiting: (n) =>
        n === 1 ? _t("1 in the mail queue") : _t("%s in the mail queue", formatInteger(n)),
    toPrint: (n) => (n === 1 ? _t("1 to print") : _t("%s to print", formatInteger(n))),
    failed: (n) => (n === 1 ? _t("1 failed") : _t("%s failed", formatInteger(n))),
};
