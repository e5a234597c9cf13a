import { _t } from "@web/core/l10n/translation";
import { formatInteger } from "@web/views/fields/formatters";

/** How many there are, in words: each of them is one text to translate. */
export const counted = {
    messages: (n) => (n === 1 ? _t("1 message") : _t("%s messages", formatInteger(n))),
    customers: (n) => (n === 1 ? _t("1 customer") : _t("%s customers", formatInteger(n))),
    letters: (n) => (n === 1 ? _t("1 letter") : _t("%s letters", formatInteger(n))),
    items: (n) => (n === 1 ? _t("1 item") : _t("%s items", formatInteger(n))),
};
