"""Every module here defines one PANEL; the folder is the list."""

from importlib import import_module
from pkgutil import iter_modules

from layouts.panel import Panel

PANELS: dict[str, Panel] = {
    module.name: import_module(f"{__name__}.{module.name}").PANEL
    for module in iter_modules(__path__)
}
