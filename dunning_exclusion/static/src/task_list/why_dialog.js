import { Dialog } from "@web/core/dialog/dialog";
import { useAutofocus } from "@web/core/utils/hooks";
import { Component, useState } from "@odoo/owl";

/**
 * Asks for a word in one line: why something is sent against reasons, or should be released.
 */
export class WhyDialog extends Component {
    static template = "dunning_exclusion.WhyDialog";
    static components = { Dialog };
    static props = {
        title: String,
        customer: String,
        reasons: { type: Array, element: String },
        asked: { type: Array, element: String, optional: true },
        confirmLabel: String,
        confirm: Function,
        close: Function,
    };

    setup() {
        useAutofocus();
        this.state = useState({ note: "" });
    }

    async onConfirm() {
        const note = this.state.note.trim();
        if (note) {
            this.props.close();
            await this.props.confirm(note);
        }
    }

    onKeydown(ev) {
        if (ev.key === "Enter") {
            ev.preventDefault();
            ev.stopPropagation();
            return this.onConfirm();
        }
    }
}
