import { expect, test } from "@odoo/hoot";
import { hover } from "@odoo/hoot-dom";
import { runAllTimers } from "@odoo/hoot-mock";
import { mountWithCleanup } from "@web/../tests/web_test_helpers";
import { defineMailModels } from "@mail/../tests/mail_test_helpers";
import { ReasonMark } from "@dunning_exclusion/reason_mark/reason_mark";

defineMailModels();

test("the tooltip lists every reason under its title", async () => {
    await mountWithCleanup(ReasonMark, {
        props: {
            reasons: ["Reminders for the item are stopped", "Promised to pay"],
            title: "Not sent",
        },
    });
    await hover(".o_dunning_mark");
    await runAllTimers();
    expect(".o-tooltip strong").toHaveText("Not sent");
    expect(".o-tooltip li").toHaveCount(2);
    expect(".o_dunning_mark[role=img]").toHaveCount(1);
});

test("without a reason there is no mark", async () => {
    await mountWithCleanup(ReasonMark, { props: { reasons: [] } });
    expect(".o_dunning_mark").toHaveCount(0);
});
