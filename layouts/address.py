"""The address of a page: the viewer's scope and choices, as they stand in the URL."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from data.scope import Scope, ScopeError
from layouts.measures import DEFAULT, MEASURES

MEASURE, HEAT = "measure", "heat"


@dataclass(frozen=True)
class Address:
    """What a URL of the wall says. Hostile input: what makes no sense is left out."""

    scope: Scope = Scope()
    measure: str = DEFAULT
    is_heat: bool = False

    @classmethod
    def of(cls, query: dict[str, str | list[str]]) -> "Address":
        """The address of a page's query parameters, as Dash hands them to `layout`."""
        own = {name: query.pop(name, "") for name in (MEASURE, HEAT)}
        measure = own[MEASURE] if own[MEASURE] in MEASURES else DEFAULT
        try:
            scope = Scope.from_query(urlencode(query, doseq=True))
        except ScopeError:
            scope = Scope()
        return cls(scope, str(measure), own[HEAT] == "1")

    def query(self) -> str:
        """The same as a URL query; what is as usual is left out."""
        pairs = parse_qsl(self.scope.to_query())
        if self.measure != DEFAULT:
            pairs.append((MEASURE, self.measure))
        if self.is_heat:
            pairs.append((HEAT, "1"))
        return urlencode(pairs, safe=":,;-")
