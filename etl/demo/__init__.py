"""The demo county: writes what the systems of a synthetic county would deliver."""

from etl.demo.history import Manifest, generate
from etl.demo.posts import add_accounts
from etl.demo.stream import live

__all__ = ["Manifest", "add_accounts", "generate", "live"]
