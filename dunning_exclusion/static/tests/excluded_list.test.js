import { animationFrame, Deferred, expect, test } from "@odoo/hoot";
import { queryAllTexts, queryFirst } from "@odoo/hoot-dom";
import {
    contains,
    defineModels,
    fields,
    models,
    mountView,
    onRpc,
} from "@web/../tests/web_test_helpers";
import { defineMailModels } from "@mail/../tests/mail_test_helpers";

class Excluded extends models.Model {
    _name = "dunning.screening";
    reason = fields.Char();
    outcome = fields.Selection({ selection: [["unchecked", "Held back"]] });
    company_id = fields.Many2one({ relation: "res.company" });
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

const value = (id, display_name, count) => ({ id, display_name, __count: count });
const counters = () => queryAllTexts(".o_search_panel_counter");

test("counts that are late do not replace newer ones", async () => {
    const late = new Deferred();
    const found = (count) => ({ outcome: [value("unchecked", "Held back", count)] });
    onRpc("dunning.screening", "retrieve_filters", ({ args: [, checked] }) =>
        checked.outcome.length ? late : found(8)
    );
    await mountView({
        type: "list",
        resModel: "dunning.screening",
        arch: `<list js_class="dunning_excluded_list"><field name="reason"/></list>`,
        searchViewArch: `<search><searchpanel>
                <field name="outcome" select="multi" enable_counters="1"/>
            </searchpanel></search>`,
    });
    await contains(".o_search_panel_filter_value input").click();
    await contains(".o_search_panel_filter_value input").click();
    late.resolve(found(1));
    await animationFrame();
    await animationFrame();
    expect(".o_search_panel_filter_value input").not.toBeChecked();
    expect(counters()).toEqual(["8"]);
});

test("one request counts all filters at the side, with what is checked in each", async () => {
    onRpc("dunning.screening", "search_panel_select_multi_range", () => expect.step("Odoo's"));
    onRpc("dunning.screening", "retrieve_filters", ({ args: [domain, checked], kwargs }) => {
        expect.step([domain, checked, kwargs.context.dunning_day]);
        return {
            outcome: [value("unchecked", "Held back", 8)],
            company_id: [value(1, "Mine", 5), value(2, "Other", checked.outcome.length ? 1 : 3)],
        };
    });
    await mountView({
        type: "list",
        resModel: "dunning.screening",
        domain: [["id", ">", 0]],
        context: { search_default_ahead: 1 },
        arch: `<list js_class="dunning_excluded_list"><field name="reason"/></list>`,
        searchViewArch: `<search>
            <filter name="ahead" string="As of May" context="{'dunning_day': '2026-05-01'}"/>
            <searchpanel>
                <field name="outcome" select="multi" enable_counters="1"/>
                <field name="company_id" select="multi" enable_counters="1"/>
            </searchpanel></search>`,
    });
    expect(counters()).toEqual(["8", "5", "3"]);
    await contains(".o_search_panel_filter_value:contains(Held back) input").click();
    expect(counters()).toEqual(["8", "5", "1"]);
    expect(".o_search_panel_filter_value:contains(Held back) input").toBeChecked();
    const searched = [["id", ">", 0]];
    expect.verifySteps([
        [searched, { outcome: [], company_id: [] }, "2026-05-01"],
        [searched, { outcome: ["unchecked"], company_id: [] }, "2026-05-01"],
    ]);
});
