import { deserializeDate } from "@web/core/l10n/dates";
import { useService } from "@web/core/utils/hooks";
import { formatDate } from "@web/views/fields/formatters";
import { Component, onWillUnmount, useEffect, useState } from "@odoo/owl";

// Mails are written for white paper.
const PAPER = `<!DOCTYPE html><meta name="color-scheme" content="only light" />
    <style>
        body { margin: 8px; background: #fff; }
        @media (max-width: 340px) { body { zoom: 0.75; } }
    </style>`;
// Moving on with the keys asks the server only where somebody stays.
const PAUSE = 300;

/**
 * Beside the task list: the customer of the row in focus, the message as it will leave, and history.
 */
export class TaskListSide extends Component {
    static template = "dunning_exclusion.TaskListSide";
    static props = { current: Object };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.current = useState(this.props.current);
        this.state = useState({ side: null });
        useEffect(
            (lineId) => {
                clearTimeout(this.timer);
                if (lineId) {
                    this.timer = setTimeout(() => this.load(lineId), PAUSE);
                } else {
                    this.state.side = null;
                }
            },
            () => [this.current.lineId, this.current.version]
        );
        onWillUnmount(() => clearTimeout(this.timer));
    }

    async load(lineId) {
        const side = await this.orm.silent.call("dunning.run.line", "read_side", [lineId]);
        if (lineId === this.current.lineId) {
            this.state.side = side;
        }
    }

    get paper() {
        return PAPER + this.state.side.body;
    }

    date(text) {
        return text ? formatDate(deserializeDate(text)) : "";
    }

    open(resModel, resId) {
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model: resModel,
            res_id: resId,
            views: [[false, "form"]],
        });
    }
}
