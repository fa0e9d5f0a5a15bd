"""Geometry as pure functions: coordinate systems, layers of polygons, point -> polygon, heat
cells.
"""
