import { _t } from "@web/core/l10n/translation";
import { ConfirmationDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import { ListController } from "@web/views/list/list_controller";
import { TaskListKeys } from "./task_list_keys";
import { TaskListSide } from "./task_list_side";
import { counted } from "../counted";
import { formatFloat, formatMonetary } from "@web/views/fields/formatters";
import { onWillUnmount, useEffect, useState } from "@odoo/owl";

// Up to here sending is awaited; beyond it goes on in the background and shows its progress.
const SEND_AT_ONCE = 50;
const PROGRESS_INTERVAL = 3000;

/**
 * The task list: what is ticked stays in view, and one button sends it.
 */
export class TaskListController extends ListController {
    static template = "dunning_exclusion.TaskList";
    static components = { ...ListController.components, TaskListSide };

    setup() {
        super.setup();
        this.figures = useState(this.model.figures);
        let timer;
        const stopWatching = () => clearInterval(timer);
        useEffect(
            (state) => {
                stopWatching();
                if (state === "sending") {
                    timer = setInterval(() => this.model.load(), PROGRESS_INTERVAL);
                }
            },
            () => [this.figures.state]
        );
        onWillUnmount(stopWatching);
    }

    get allowSelectors() {
        return false;
    }

    get amount() {
        return formatMonetary(this.figures.amount, { currencyId: this.figures.currency_id });
    }

    get progress() {
        return formatFloat(this.figures.progress || 0, { digits: [16, 0] });
    }

    async onRecordSaved(record) {
        await super.onRecordSaved(record);
        await this.model.onRecordTicked(record);
    }

    /** What is ticked and not sent yet, each part in words. */
    get ticked() {
        return {
            messages: counted.messages(this.figures.message_count),
            customers: counted.customers(this.figures.customer_count),
            items: counted.items(this.figures.item_count),
            amount: this.amount,
        };
    }

    get tickedText() {
        return _t("selected: %(messages)s to %(customers)s, %(items)s", this.ticked);
    }

    /** What became of the messages, in words: sent, in the mail queue, to print. */
    get sentText() {
        const { sent_count, waiting_count, print_count } = this.figures;
        return [
            counted.sent(sent_count || 0),
            counted.waiting(waiting_count || 0),
            counted.toPrint(print_count || 0),
        ].join(" · ");
    }

    get failedText() {
        return counted.failed(this.figures.failed_count);
    }

    get outcomesText() {
        const { state, included_count, unchecked_count, dropped_count } = this.figures;
        const isOpen = ["prepared", "sending"].includes(state);
        return [
            ...(isOpen ? [counted.toSend(included_count || 0)] : []),
            counted.heldBack(unchecked_count || 0),
            counted.notListed(dropped_count || 0),
        ].join(" · ");
    }

    get hasMessages() {
        const { sent_count, waiting_count, print_count } = this.figures;
        return Boolean(sent_count || waiting_count || print_count);
    }

    get printText() {
        return _t("Print %s", counted.letters(this.figures.print_count));
    }

    /** Items that are sent although reasons stand against them. */
    get againstText() {
        const { count, reasons } = this.figures.against;
        const words = { items: counted.items(count), reasons: reasons.join(", ") };
        return _t("%(items)s despite an exclusion reason: %(reasons)s.", words);
    }

    get confirmationText() {
        const what = _t(
            "%(messages)s to %(customers)s: %(items)s, %(amount)s in total.",
            this.ticked
        );
        const against = this.figures.against ? [this.againstText] : [];
        return [what, ...against, ...(this.figures.overtaken || [])].join(" ");
    }

    get withoutAccountText() {
        return _t(
            "The messages ask for a transfer and can name no bank account for amounts in %s. Add one to the contact of your company.",
            this.figures.without_account.join(", ")
        );
    }

    onShowKeys() {
        this.dialogService.add(TaskListKeys);
    }

    onSend() {
        this.dialogService.add(ConfirmationDialog, {
            title: _t("Send the reminders?"),
            body: this.confirmationText,
            confirmLabel: _t("Send"),
            confirm: () => this.send(),
            cancel: () => {},
        });
    }

    async send() {
        const many = this.figures.message_count > SEND_AT_ONCE;
        await this.doRunAction(many ? "action_send_in_background" : "action_send");
        if (!many) {
            await this.model.loadFigures();
            const { failed_count } = this.figures;
            const failed = failed_count && this.failedText;
            this.env.services.notification.add(
                [this.sentText, failed].filter(Boolean).join(" · "),
                { type: failed_count ? "warning" : "success" }
            );
        }
    }

    get foldedGroups() {
        const { root } = this.model;
        return root.isGrouped ? root.groups.filter(({ isFolded }) => isFolded) : [];
    }

    async unfoldAll() {
        await Promise.all(this.foldedGroups.map((group) => group.toggle()));
    }

    /** Open the task list of another run. */
    openRun(runId) {
        return this.doRunAction("action_open_lines", runId);
    }

    giveUp({ id, name }) {
        this.dialogService.add(ConfirmationDialog, {
            title: _t("Cancel this list?"),
            body: _t("%s: what was sent stays sent, the rest of it is not sent.", name),
            confirmLabel: _t("Cancel List"),
            cancelLabel: _t("Keep List"),
            confirm: () => this.doRunAction("action_cancel", id),
            cancel: () => {},
        });
    }

    async doRunAction(name, runId = this.figures.id) {
        await this.actionService.doActionButton({
            type: "object",
            name,
            resModel: "dunning.run",
            resId: runId,
            resIds: [runId],
            context: this.props.context,
            onClose: () => this.model.load(),
        });
    }
}
