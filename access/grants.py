"""Grants: what whoever asks may see, made of the device by which they ask."""

from dataclasses import replace

from access.devices import Device
from data.scope import Grant


def grant_of(device: Device | None) -> Grant:
    """What a screen may show: nobody's data, and of a wall that has regions nothing of others."""
    if device is None or not device.regions:
        return Grant.wall()
    return replace(Grant.wall(), regions=device.regions)
