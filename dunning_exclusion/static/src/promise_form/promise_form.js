import { registry } from "@web/core/registry";
import { FormController } from "@web/views/form/form_controller";
import { formView } from "@web/views/form/form_view";

/**
 * A new promise is saved by its button, never because somebody leaves the page: Odoo saves even
 * what nobody has typed into, and the dialog opens filled in.
 */
export class PromiseFormController extends FormController {
    async beforeUnload(ev) {
        const { isNew, dirty } = this.model.root;
        if (!isNew) {
            return super.beforeUnload(ev);
        }
        if (dirty) {
            ev.preventDefault();
            ev.returnValue = "Unsaved changes";
        }
    }
}

registry
    .category("views")
    .add("dunning_promise_form", { ...formView, Controller: PromiseFormController });
