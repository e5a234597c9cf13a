import { browser } from "@web/core/browser/browser";

import { addTour } from "./add_tour";

// In any language: only what the page is made of is looked for.
function answer(code, fields) {
    return [
        {
            trigger: `.d-grid a[href*='/answer/${code}']`,
            run: "click",
            expectUnloadPage: true,
        },
        ...Object.entries(fields).map(([selector, value]) => ({
            trigger: `form ${selector}`,
            run() {
                if (this.anchor.type === "radio") {
                    this.anchor.click();
                } else {
                    this.anchor.value = value;
                }
            },
        })),
        { trigger: "form button[type=submit]", run: "click", expectUnloadPage: true },
        {
            content: "what was said is shown, and can be taken back",
            trigger: "#said li:first-child form[action$='/undo'] button",
        },
    ];
}

function inDays(days) {
    return new Date(Date.now() + days * 86400000).toISOString().slice(0, 10);
}

addTour("dunning_reminder_page", () => [
    {
        content: "nothing is wider than the telephone",
        trigger: "#wrap",
        run() {
            const { scrollWidth, clientWidth } = document.documentElement;
            if (scrollWidth > clientWidth) {
                throw new Error(`The page is ${scrollWidth} wide, not ${clientWidth}`);
            }
        },
    },
    ...answer("promise", { "#date": inDays(3) }),
    {
        trigger: "#said li:first-child form[action$='/undo'] button",
        run: "click",
        expectUnloadPage: true,
    },
    { trigger: "#said li:first-child:not(:has(form))" },
    ...answer("paid", { "#date": inDays(-1), "#reference": "REF 1" }),
    ...answer("dispute", { "#reason_other": true, "#text": "It is broken." }),
    ...answer("wrong_person", { "#text": "Bob, bob@example.com" }),
]);

// The test presses the key in the browser itself, see keyboard.py.
function press(key) {
    browser.console.log("press", key);
}

async function tabTo(selector) {
    for (let number = 0; number < 60; number++) {
        const pressed = new Promise((resolve) =>
            window.addEventListener("keyup", resolve, { once: true })
        );
        press("Tab");
        await pressed;
        if (document.activeElement.matches(selector)) {
            return;
        }
    }
    throw new Error(`The key Tab does not lead to ${selector}`);
}

// Lead to an element by the keyboard alone and press keys on it; the last may leave the page.
function keys(trigger, selector, names, expectUnloadPage = false) {
    async function run() {
        await tabTo(selector);
        names.forEach(press);
    }
    return { trigger, run, expectUnloadPage };
}

function answerByKeys(code, steps) {
    return [
        keys("#wrap h1", `.d-grid a[href*='/answer/${code}']`, ["Enter"], true),
        ...steps,
        keys("form", "form button[type=submit]", ["Enter"], true),
        { trigger: "#said li:first-child form[action$='/undo'] button" },
    ];
}

// The digits of a day in the order in which the browser asks for them.
function digits(days) {
    const day = new Date(`${inDays(days)}T12:00:00`);
    const parts = { year: "numeric", month: "2-digit", day: "2-digit" };
    return [...day.toLocaleDateString(navigator.language, parts)].filter((sign) => /\d/.test(sign));
}

addTour("dunning_reminder_page_keys", () => [
    ...answerByKeys("promise", [
        keys("form", "#date", digits(3)),
        { trigger: "#date:valid" },
        keys("form", "#amount", ["5"]),
    ]),
    keys("#said", "#said li:first-child form button", ["Enter"], true),
    { trigger: "#said li:first-child:not(:has(form))" },
    ...answerByKeys("paid", [
        keys("form", "#date", digits(-1)),
        { trigger: "#date:valid" },
        keys("form", "#reference", [..."REF"]),
    ]),
    ...answerByKeys("dispute", [
        // One of the invoices is left out.
        keys("form", "[name=item]", [" "]),
        keys("form", "[name=reason]", ["ArrowDown", "ArrowDown"]),
        { trigger: "#reason_quality:checked" },
        keys("form", "#text", [..."No"]),
    ]),
    ...answerByKeys("wrong_person", [keys("form", "#text", [..."Bob"])]),
]);
