"""What the codes of a dimension are called, in an edition."""

from data.codes import NONE, UNCLASSIFIED, codes
from data.dimensions import dimension_of
from data.editions.edition import Edition

TABLES = {
    "departments": "SELECT code, name FROM departments",
    "categories": "SELECT code, name FROM categories",
    "sources": "SELECT source, title FROM sources",
    "grids": "SELECT code, name FROM grids WHERE layer = $dimension",
    "dimensions": "SELECT code, name FROM dimensions WHERE dimension = $dimension",
}
WEEKDAYS = dict(zip("1234567", "一二三四五六日", strict=True))


def named(edition: Edition, dimension: str) -> dict[str, str]:
    """Code -> name, `-` included; codes without an entry are their own names.

    A site's own word for a code goes before that of the code list. UnknownName for a wrong name.
    """
    found = dimension_of(edition.site, dimension)
    return {NONE: _nothing(found.key)} | _listed(edition, found.names, found.key)


def _listed(edition: Edition, where: str, key: str) -> dict[str, str]:
    if where == "codes":
        known = {code: row["label"] for code, row in codes(key).items()}
        return known | dict(edition.site.labels.get(key, {}))
    if where:
        params = {"dimension": key} if "$dimension" in TABLES[where] else {}
        return dict(edition.rows(TABLES[where], params))
    if key == "weekday":
        return {code: f"星期{name}" for code, name in WEEKDAYS.items()}
    if key in ("located", "placeholder"):
        return {"true": "是", "false": "否"}
    return {}


def _nothing(key: str) -> str:
    return UNCLASSIFIED if key in ("category", "kind", "risk") else "无"
