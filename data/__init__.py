"""Definitions and queries: what an edition holds, what every number means, how it is asked for."""
