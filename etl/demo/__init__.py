"""The demo county: writes what the systems of a synthetic county would deliver."""

from etl.demo.history import Manifest, generate
from etl.demo.stream import live

__all__ = ["Manifest", "generate", "live"]
