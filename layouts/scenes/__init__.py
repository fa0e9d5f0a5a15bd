"""Every module here defines one SCENE of the wall; the folder is the list."""

from importlib import import_module
from pkgutil import iter_modules

from layouts.scene import Scene

SCENES: dict[str, Scene] = {
    module.name: import_module(f"{__name__}.{module.name}").SCENE
    for module in iter_modules(__path__)
}
