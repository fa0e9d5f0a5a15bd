"""The address of a page: the viewer's scope and choices, as they stand in the URL."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from data.scope import Scope, ScopeError
from layouts.measures import DEFAULT, MEASURES

MEASURE, HEAT = "measure", "heat"


@dataclass(frozen=True)
class Address:
    """What a URL of the wall says. Hostile input: what makes no sense is left out."""

    scope: Scope = Scope()
    measure: str | None = None  # None = the site's default
    is_heat: bool = False

    @classmethod
    def of(cls, query: Mapping[str, str | list[str]]) -> "Address":
        """The address of a page's query parameters, as Dash hands them to `layout`."""
        own = {name: query.get(name, "") for name in (MEASURE, HEAT)}
        rest = {name: value for name, value in query.items() if name not in own}
        measure = str(own[MEASURE]) if own[MEASURE] in MEASURES else None
        try:
            scope = Scope.from_query(urlencode(rest, doseq=True))
        except ScopeError:
            scope = Scope()
        return cls(scope, measure, own[HEAT] == "1")

    def query(self) -> str:
        """The same as a URL query; what is as usual is left out."""
        pairs = parse_qsl(self.scope.to_query())
        if self.measure not in (None, DEFAULT):
            pairs.append((MEASURE, self.measure))
        if self.is_heat:
            pairs.append((HEAT, "1"))
        return urlencode(pairs, safe=":,;-")
