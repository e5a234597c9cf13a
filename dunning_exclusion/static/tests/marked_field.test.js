import { expect, test } from "@odoo/hoot";
import { defineModels, fields, models, mountView } from "@web/../tests/web_test_helpers";
import { defineMailModels } from "@mail/../tests/mail_test_helpers";

class Line extends models.Model {
    _name = "line";

    name = fields.Char();
    amount = fields.Float();
    marks = fields.Json();

    _records = [
        {
            id: 1,
            name: "INV/1",
            marks: { item: ["Reminders for the item are stopped", "Promised to pay"] },
        },
        { id: 2, name: "INV/2", marks: { amount: ["Below the minimum"] } },
        { id: 3, name: "INV/3", marks: false },
    ];
}

defineMailModels();
defineModels([Line]);

async function mountLines(marker) {
    await mountView({
        resModel: "line",
        type: "list",
        arch: `
            <list>
                <field name="name" widget="dunning_marked" options="{'marker': '${marker}'}" />
                <field name="marks" column_invisible="1" />
            </list>`,
    });
}

test("the mark stands beside the value it belongs to, and nowhere else", async () => {
    await mountLines("item");
    expect(".o_dunning_marked").toHaveCount(3);
    expect(".o_dunning_mark").toHaveCount(1);
    expect(".o_data_row:eq(0) .o_dunning_mark").toHaveCount(1);
});

test("the mark says every reason, to the eye and to the ear", async () => {
    await mountLines("item");
    expect(".o_dunning_mark").toHaveAttribute(
        "aria-label",
        "Excluded: Reminders for the item are stopped, Promised to pay"
    );
    const info = JSON.parse(document.querySelector(".o_dunning_mark").dataset.tooltipInfo);
    expect(info.reasons).toEqual(["Reminders for the item are stopped", "Promised to pay"]);
});

test("another marker shows its own reasons", async () => {
    await mountLines("amount");
    expect(".o_data_row:eq(1) .o_dunning_mark").toHaveAttribute(
        "aria-label",
        "Excluded: Below the minimum"
    );
});

test("of a long value the end is cut off, not the mark", async () => {
    Line._records[0].name = "A very long name ".repeat(30);
    await mountLines("item");
    const cell = document.querySelector(".o_data_row .o_data_cell");
    const mark = cell.querySelector(".o_dunning_mark");
    expect(mark.getBoundingClientRect().right).toBeLessThan(cell.getBoundingClientRect().right);
});
