from . import demo, models, screening, wizard
from .hooks import uninstall_hook
