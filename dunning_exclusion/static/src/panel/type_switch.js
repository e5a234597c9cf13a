import { Component } from "@odoo/owl";

/**
 * A reminder type of a customer as a switch: blue on, grey off, and said in words.
 */
export class TypeSwitch extends Component {
    static template = "dunning_exclusion.TypeSwitch";
    static props = {
        name: String,
        on: Boolean,
        readonly: { type: Boolean, optional: true },
        onToggle: Function,
    };
}
