import { expect, test } from "@odoo/hoot";
import { defineModels, fields, models, mountView } from "@web/../tests/web_test_helpers";
import { defineMailModels } from "@mail/../tests/mail_test_helpers";

class Level extends models.Model {
    _name = "level";

    name = fields.Char();

    _records = [
        { id: 1, name: "E-mail" },
        { id: 2, name: "Letter" },
    ];
}

const marks = { item: ["The item is stopped"], promise: ["Promised to pay"] };

class Line extends models.Model {
    _name = "line";

    level_ids = fields.Many2many({ relation: "level" });
    checked = fields.Boolean();
    marks = fields.Json();

    _records = [
        { id: 1, level_ids: [1, 2], checked: false, marks },
        { id: 2, level_ids: [1], checked: true, marks },
        { id: 3, level_ids: [1], checked: false, marks: false },
    ];
}

defineMailModels();
defineModels([Level, Line]);

test("levels and actions that are held say why, those that are sent do not", async () => {
    await mountView({
        resModel: "line",
        type: "list",
        arch: `<list><field name="level_ids" widget="dunning_level_tags" /></list>`,
    });
    const why = "is not sent: The item is stopped, Promised to pay";
    const first = ".o_data_row:eq(0) .o_tag";
    expect(`${first}:eq(0)`).toHaveAttribute("data-tooltip", `E-mail ${why}`);
    expect(`${first}:eq(0)`).toHaveAttribute("aria-label", `E-mail ${why}`);
    expect(`${first}:eq(1)`).toHaveAttribute("data-tooltip", `Letter ${why}`);
    expect(".o_data_row:eq(1) .o_tag").toHaveAttribute("data-tooltip", "E-mail");
    expect(".o_data_row:eq(2) .o_tag").toHaveAttribute("data-tooltip", "E-mail");
});
