import { expect, test } from "@odoo/hoot";
import { contains, mountWithCleanup } from "@web/../tests/web_test_helpers";
import { defineMailModels } from "@mail/../tests/mail_test_helpers";
import { TypeSwitch } from "@dunning_exclusion/panel/type_switch";

defineMailModels();

function mountSwitch(props) {
    return mountWithCleanup(TypeSwitch, {
        props: { name: "Final notice", on: true, onToggle: () => expect.step("toggle"), ...props },
    });
}

test("a type that is on is said in words, too", async () => {
    await mountSwitch();
    expect("input[role=switch]").toBeChecked();
    expect(".o_dunning_type_switch").toHaveText(/Final notice\s+on/);
    await contains("input[role=switch]").click();
    expect.verifySteps(["toggle"]);
});

test("who may not switch sees the state only", async () => {
    await mountSwitch({ on: false, readonly: true });
    expect("input[role=switch]").not.toBeChecked();
    expect("input[role=switch]").not.toBeEnabled();
    expect(".o_dunning_type_switch").toHaveText(/Final notice\s+off/);
});
