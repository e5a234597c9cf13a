from . import open_items_wizard
