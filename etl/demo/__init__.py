"""The demo county: writes what the systems of a synthetic county would deliver."""
