import { expect, test } from "@odoo/hoot";
import { queryFirst } from "@odoo/hoot-dom";
import { contains, defineModels, fields, models, mountView } from "@web/../tests/web_test_helpers";
import { defineMailModels } from "@mail/../tests/mail_test_helpers";

class Excluded extends models.Model {
    _name = "dunning.screening";
    reason = fields.Char();
    _records = [..."abcdefgh"].map((_name, index) => ({ id: index + 1, reason: "Stopped" }));
}

defineMailModels();
defineModels([Excluded]);

test("all pages of a group can be reached, however far the list counts", async () => {
    await mountView({
        type: "list",
        resModel: "dunning.screening",
        groupBy: ["reason"],
        arch: `<list js_class="dunning_excluded_list" count_limit="3" limit="2">
                   <field name="reason"/>
               </list>`,
    });
    await contains(".o_group_header").click();
    for (const page of ["1-2", "3-4", "5-6", "7-8"]) {
        expect(queryFirst(".o_group_header .o_pager_value").textContent).toBe(page);
        expect(queryFirst(".o_group_header .o_pager_limit").textContent).toBe("8");
        await contains(".o_group_header .o_pager_next").click();
    }
    expect(".o_group_header .o_pager_value").toHaveText("1-2");
});
