"""odoo-test-helper 2.1.3 on Odoo 19, where the registry has other names and arguments."""

from unittest.mock import patch

from odoo.models import MetaModel
from odoo.orm.registry import Registry

# read when the helper is imported
MetaModel.module_to_models = MetaModel._module_to_models__

from odoo_test_helper import FakeModelLoader  # noqa: E402


def load(registry, _cr, module, load_module=Registry.load):
    """Load a module; name each of its models once."""
    return list(dict.fromkeys(load_module(registry, module)))


class FakeModels(FakeModelLoader):
    """Add models to the registry, and take them out again with all that they brought."""

    def backup_registry(self):
        self._parents = {
            name: (model._base_classes__, list(model._inherit_children))
            for name, model in self.env.registry.models.items()
        }
        return super().backup_registry()

    def update_registry(self, odoo_models):
        with (
            patch.object(Registry, "load", load),
            patch.object(Registry, "setup_models", Registry._setup_models__, create=True),
        ):
            return super().update_registry(odoo_models)

    def restore_registry(self):
        registry = self.env.registry
        for name in set(registry.models) - set(self._parents):
            del registry.models[name]
        for name, (bases, children) in self._parents.items():
            registry[name]._base_classes__ = bases
            for child in set(registry[name]._inherit_children) - set(children):
                registry[name]._inherit_children.discard(child)
        self._clean_module_to_model()
        registry._setup_models__(self.env.cr)
