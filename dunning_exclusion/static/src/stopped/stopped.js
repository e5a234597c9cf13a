import { _t } from "@web/core/l10n/translation";
import { ConfirmationDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import { registry } from "@web/core/registry";

const STAYS = 10000;

/**
 * Tells that something was stopped, with buttons to undo it and to say why; then what comes next.
 */
export function tellStopped(env, { params }) {
    const { message, block_ids: blockIds, show, next } = params;
    const { action, notification, orm } = env.services;
    const buttons = [];
    let close = () => {};
    if (blockIds.length) {
        buttons.push(
            {
                name: _t("Undo"),
                primary: true,
                onClick: async () => {
                    close();
                    await orm.call("dunning.block", "action_lift", [blockIds]);
                    await action.doAction({ type: "ir.actions.client", tag: "soft_reload" });
                },
            },
            {
                name: _t("Add reason"),
                onClick: async () => {
                    close();
                    const dialog = await orm.call("dunning.block", "action_explain", [blockIds]);
                    await action.doAction(dialog);
                },
            }
        );
    }
    if (show) {
        buttons.push({
            name: _t("Show"),
            onClick: async () => {
                close();
                const list = await orm.call("dunning.block", "action_show_targets", [blockIds]);
                await action.doAction(list);
            },
        });
    }
    close = notification.add(message, { type: "success", autocloseDelay: STAYS, buttons });
    return next;
}

registry.category("actions").add("dunning_stopped", tellStopped);

/** Asks before the holds of many records are ended, and tells that they are. */
export function askResume(env, { params }) {
    const { action, dialog, notification, orm } = env.services;
    dialog.add(ConfirmationDialog, {
        title: _t("Resume reminders?"),
        body: params.message,
        confirmLabel: _t("Resume"),
        confirm: async () => {
            await orm.call("dunning.block", "action_lift", [params.block_ids]);
            notification.add(_t("Holds that ended: %s.", params.block_ids.length), {
                type: "success",
            });
            await action.doAction({ type: "ir.actions.client", tag: "soft_reload" });
        },
        cancel: () => {},
    });
}

registry.category("actions").add("dunning_resume", askResume);
