import { registry } from "@web/core/registry";
import { listView } from "@web/views/list/list_view";
import { ListRenderer } from "@web/views/list/list_renderer";

/** How many records a group has: once its pages are turned, Odoo counts them to the limit only. */
const total = ({ count, list }) =>
    list.hasLimitedCount ? Math.max(count, list.count) : list.count;

/**
 * The list of what is excluded. It counts to a low limit, as counting all would screen all items;
 * the pager of a group shows the number that the group says.
 */
export class ExcludedListRenderer extends ListRenderer {
    getGroupPagerProps(group) {
        return { ...super.getGroupPagerProps(group), total: total(group) };
    }

    showGroupPager(group) {
        return !group.isFolded && group.list.limit < total(group);
    }
}

registry.category("views").add("dunning_excluded_list", {
    ...listView,
    Renderer: ExcludedListRenderer,
});
