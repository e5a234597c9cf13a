import { registry } from "@web/core/registry";

/**
 * Add a tour whose steps wait longer than the ten seconds of Odoo: on a busy machine a step that
 * is slow is not a step that failed.
 */
export function addTour(name, steps) {
    registry.category("web_tour.tours").add(name, {
        steps: () => steps().map((step) => ({ timeout: 60000, ...step })),
    });
}
