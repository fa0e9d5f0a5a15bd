"""Dimensions: what a number can be split and filtered by in a centre."""

from difflib import get_close_matches

from data.built_in_dimensions import BUILT_IN, Dimension
from data.scope import ScopeError
from data.site import Site


class UnknownName(ScopeError):
    """No indicator or dimension of this name; the message lists names that are near."""

    def __init__(self, what: str, name: str, known: list[str]) -> None:
        near = get_close_matches(name, known, n=3, cutoff=0.4)
        hint = f"是不是 {'、'.join(near)}？" if near else f"可用的有：{'、'.join(sorted(known))}"
        super().__init__(f"没有{what} {name[:40]}；{hint}")


def dimensions(site: Site) -> dict[str, Dimension]:
    """Every dimension of a site: the built-in ones, its levels and layers, its own columns."""
    places = {
        layer.key: Dimension(layer.key, layer.name, f'"{layer.key}"', "grids")
        for layer in (*site.levels, *site.layers)
    }
    own = {
        dimension.key: Dimension(dimension.key, dimension.name, f'"{dimension.key}"', "dimensions")
        for dimension in site.dimensions
    }
    return BUILT_IN | places | own


def dimension_of(site: Site, key: str) -> Dimension:
    """The dimension of that key; UnknownName where the site has none."""
    known = dimensions(site)
    if key not in known:
        raise UnknownName("维度", key, list(known))
    return known[key]
