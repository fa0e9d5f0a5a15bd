"""The commands of `python -m access`: one group a module."""
