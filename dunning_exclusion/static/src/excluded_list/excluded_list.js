import { registry } from "@web/core/registry";
import { SearchModel } from "@web/search/search_model";
import { kanbanView } from "@web/views/kanban/kanban_view";
import { listView } from "@web/views/list/list_view";
import { ListRenderer } from "@web/views/list/list_renderer";

const FILTERS = ["outcome", "rule_id", "company_id"];

/** How many records a group has: once its pages are turned, Odoo counts them to the limit only. */
const total = ({ count, list }) =>
    list.hasLimitedCount ? Math.max(count, list.count) : list.count;

const checkedIn = ({ values }) =>
    [...values.values()].filter((value) => value.checked).map((value) => value.id);

/** Whether a filter is none of ours, or asks for more than its values and their numbers. */
const isOther = ({ fieldName, groupBy, expand, domain }) =>
    !FILTERS.includes(fieldName) || groupBy || expand || domain !== "[]";

/** Counts all filters at the side by one screening; Odoo would ask for each of them. */
export class ExcludedSearchModel extends SearchModel {
    async _fetchFilters(filters) {
        if (this.categories.length || this.filters.some(isOther)) {
            return super._fetchFilters(filters);
        }
        const checked = Object.fromEntries(
            this.filters.map((filter) => [filter.fieldName, checkedIn(filter)])
        );
        const filtersLoadId = ++this.filtersLoadId;
        const show = (found) => {
            for (const { id, fieldName } of filters) {
                this._createFilterTree(id, { values: found[fieldName] });
            }
        };
        // As Odoo does it: what was shown the last time is shown at once, and brought up to date.
        const callback = (found, hasChanged) => {
            if (hasChanged && filtersLoadId === this.filtersLoadId) {
                show(found);
                this._reset();
                this.trigger("update");
            }
        };
        // The context of the search says as of which day.
        const found = await this.orm
            .cache({ type: "disk", update: "always", callback })
            .call(this.resModel, "retrieve_filters", [this.searchDomain, checked], {
                context: this.context,
            });
        if (filtersLoadId === this.filtersLoadId) {
            show(found);
        }
    }
}

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
    SearchModel: ExcludedSearchModel,
    Renderer: ExcludedListRenderer,
});
registry.category("views").add("dunning_excluded_kanban", {
    ...kanbanView,
    SearchModel: ExcludedSearchModel,
});
