"""Brings what other systems deliver into an edition."""
