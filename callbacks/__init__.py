"""Callbacks are verbs: one module per thing that the viewer, or the clock, can do."""

from importlib import import_module
from pkgutil import iter_modules

from dash import Dash

from callbacks.services import Services


def register(app: Dash, services: Services) -> None:
    """Wire every verb of this folder."""
    for module in iter_modules(__path__):
        verb = import_module(f"{__name__}.{module.name}")
        if hasattr(verb, "register"):
            verb.register(app, services)
