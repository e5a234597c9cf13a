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

const marks = { item: ["Reminders for the item are stopped"], promise: ["Promised to pay"] };

const noAddress = { 1: { name: "E-mail", reasons: ["No e-mail address"] } };

class Line extends models.Model {
    _name = "line";

    level_ids = fields.Many2many({ relation: "level" });
    checked = fields.Boolean();
    marks = fields.Json();
    held_actions = fields.Json();

    _records = [
        { id: 1, level_ids: [1, 2], checked: false, marks },
        { id: 2, level_ids: [1], checked: true, marks },
        { id: 3, level_ids: [1], checked: false, marks: false },
        { id: 4, level_ids: [2], checked: true, held_actions: noAddress },
        { id: 5, level_ids: [1, 2], checked: false, marks, held_actions: noAddress },
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
    const why = "is not sent: Reminders for the item are stopped, Promised to pay";
    const first = ".o_data_row:eq(0) .o_tag";
    expect(`${first}:eq(0)`).toHaveAttribute("data-tooltip", `E-mail ${why}`);
    expect(`${first}:eq(0)`).toHaveAttribute("aria-label", `E-mail ${why}`);
    expect(`${first}:eq(1)`).toHaveAttribute("data-tooltip", `Letter ${why}`);
    expect(".o_data_row:eq(1) .o_tag").toHaveAttribute("data-tooltip", "E-mail");
    expect(".o_data_row:eq(2) .o_tag").toHaveAttribute("data-tooltip", "E-mail");
});

test("an action that is held while another one goes says why", async () => {
    await mountView({
        resModel: "line",
        type: "list",
        arch: `<list><field name="level_ids" widget="dunning_level_tags" /></list>`,
    });
    const held = "E-mail is not sent: No e-mail address";
    const sent = ".o_data_row:eq(3) .o_tag";
    expect(sent).toHaveCount(2);
    expect(`${sent}:eq(0)`).toHaveAttribute("data-tooltip", "Letter");
    expect(`${sent}:eq(1)`).toHaveAttribute("data-tooltip", held);
    expect(`${sent}:eq(1) .fa-times-circle`).toHaveCount(1);
    const unsent = ".o_data_row:eq(4) .o_tag";
    expect(`${unsent}:eq(0)`).toHaveAttribute("data-tooltip", held);
    expect(`${unsent}:eq(1)`).toHaveAttribute(
        "data-tooltip",
        "Letter is not sent: Reminders for the item are stopped, Promised to pay"
    );
});
