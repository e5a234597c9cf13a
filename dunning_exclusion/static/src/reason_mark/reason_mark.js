import { _t } from "@web/core/l10n/translation";
import { Component } from "@odoo/owl";

/**
 * The red (x): something is left out of dunning, the tooltip says for which reasons.
 */
export class ReasonMark extends Component {
    static template = "dunning_exclusion.ReasonMark";
    static props = {
        reasons: { type: Array, element: String },
        title: { type: String, optional: true },
        // Grey: only a part is left out.
        muted: { type: Boolean, optional: true },
    };

    get label() {
        return _t("Excluded: %(reasons)s", { reasons: this.props.reasons.join(", ") });
    }

    get tooltipInfo() {
        return JSON.stringify({
            title: this.props.title || _t("Excluded because"),
            reasons: this.props.reasons,
        });
    }
}
