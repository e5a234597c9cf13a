from . import controllers, demo, models, report, screening, wizard
from .hooks import uninstall_hook
