"""The demo county: writes what the systems of a synthetic county would deliver."""

from etl.demo.history import Manifest, generate

__all__ = ["Manifest", "generate"]
