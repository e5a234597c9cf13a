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
