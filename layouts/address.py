"""The address of a page: the viewer's scope and choices, as they stand in the URL."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from urllib.parse import parse_qsl, urlencode

from data.scope import LONGEST_TEXT, Scope, ScopeError
from layouts.measures import DEFAULT, MEASURES

MEASURE, HEAT = "measure", "heat"
# What only the browser reads: by what it draws the map, at which scene it begins, day or night.
OF_THE_BROWSER = ("map", "scene", "palette")
MOST_TOLD = 3  # of the parts that make no sense
MOST_NAMES = 50  # in an address; a page has ten
NAMES = frozenset(field.name for field in fields(Scope))


@dataclass(frozen=True)
class Address:
    """What a URL of the wall says. Hostile input: what makes no sense is left out, and `wrong`
    tells the viewer so, part by part."""

    scope: Scope = Scope()
    measure: str | None = None  # None = the site's default
    is_heat: bool = False
    wrong: tuple[str, ...] = ()

    @classmethod
    def of(cls, query: Mapping[str, str | list[str]]) -> "Address":
        """The address of a page's query parameters, as Dash hands them to `layout`."""
        measure, heat = query.get(MEASURE), query.get(HEAT)
        apart = (MEASURE, HEAT, *OF_THE_BROWSER)
        scope, wrong = _understood({k: v for k, v in query.items() if k not in apart})
        is_known = isinstance(measure, str) and measure in MEASURES
        if measure is not None and not is_known:
            wrong += ("没有这种着色方式",)
        return cls(scope, measure if is_known else None, heat == "1", wrong)  # type: ignore[arg-type]

    def query(self) -> str:
        """The same as a URL query; what is as usual is left out."""
        pairs = parse_qsl(self.scope.to_query())
        if self.measure not in (None, DEFAULT):
            pairs.append((MEASURE, self.measure))
        if self.is_heat:
            pairs.append((HEAT, "1"))
        return urlencode(pairs, safe=":,;-")


def _understood(query: Mapping[str, str | list[str]]) -> tuple[Scope, tuple[str, ...]]:
    """The scope of all parts that make sense, alone and together, and what is wrong with others."""
    parts: dict[str, str | list[str]] = {}
    if len(query) > MOST_NAMES or _letters(query) > LONGEST_TEXT:
        return Scope(), ("网址过长",)
    wrong = [f"没有 “{name[:40]}” 这一项" for name in query if name not in NAMES]
    for name, value in query.items():
        if name not in NAMES:
            continue
        try:
            _scope(parts | {name: value})
        except ScopeError as error:
            wrong.append(error.message)
        else:
            parts[name] = value
    return _scope(parts), tuple(wrong[:MOST_TOLD])


def _letters(query: Mapping[str, str | list[str]]) -> int:
    values = ([value] if isinstance(value, str) else value for value in query.values())
    return sum(len(each) for each in query) + sum(len(each) for value in values for each in value)


def _scope(query: Mapping[str, str | list[str]]) -> Scope:
    return Scope.from_query(urlencode(query, doseq=True, errors="replace"))
