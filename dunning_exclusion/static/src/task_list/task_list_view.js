import { registry } from "@web/core/registry";
import { listView } from "@web/views/list/list_view";
import { TaskListController } from "./task_list_controller";
import { TaskListModel } from "./task_list_model";
import { TaskListRenderer } from "./task_list_renderer";

export const taskListView = {
    ...listView,
    Controller: TaskListController,
    Model: TaskListModel,
    Renderer: TaskListRenderer,
};

registry.category("views").add("dunning_task_list", taskListView);
