import { _t } from "@web/core/l10n/translation";
import { Dialog } from "@web/core/dialog/dialog";
import { Component } from "@odoo/owl";

/**
 * What the keys do in the task list.
 */
export class TaskListKeys extends Component {
    static template = "dunning_exclusion.TaskListKeys";
    static components = { Dialog };
    static props = { close: Function };

    keys = [
        { names: ["J", "↓"], does: _t("Next row") },
        { names: ["K", "↑"], does: _t("Previous row") },
        { names: ["←", "→"], does: _t("Fold or unfold a customer") },
        { names: [_t("Space")], does: _t("Select the item, or all of the customer") },
        { names: ["V"], does: _t("Preview the message") },
        { names: ["S"], does: _t("Stop the item or the customer") },
        { names: ["P"], does: _t("Pause the item or the customer") },
        { names: ["R"], does: _t("Note a promise to pay") },
        { names: ["A"], does: _t("Ask for approval above the maximum, or release it") },
        { names: [_t("Enter")], does: _t("Open the invoice") },
        { names: ["?"], does: _t("Show these keys") },
    ];
}
