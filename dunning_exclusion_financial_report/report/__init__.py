from . import open_items
