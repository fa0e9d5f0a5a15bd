"""Reads the point features of a GeoJSON file: their properties, and where they lie."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, TextIO

from etl.decode import decode
from etl.hostile import FileError
from etl.members import Member
from etl.readers.base import RawChunk, ReaderOptions, oddities
from etl.readers.jsonl import MAX_DOCUMENT, BadRecord, Record, at_path, chunks, flat, parse

LON, LAT, ID = "_lon", "_lat", "_id"


def read(member: Member, options: ReaderOptions) -> Iterator[RawChunk]:
    """A row for each feature; line = its number in the collection, from 1.

    Columns: the properties, `_lon` and `_lat` (None where a feature has no geometry; a height is
    dropped), `_id` where the feature has one. Other geometries are rejected. Raises FileError for
    what is no feature collection.
    """
    with decode(member.open, options.encoding, member.label) as decoded, decoded.text() as text:
        if decoded.characters > MAX_DOCUMENT:
            raise FileError(member.label, "too_large", f"超过 {MAX_DOCUMENT >> 20} MiB")
        features = enumerate(_features(text, member.label), 1)
        yield from chunks(features, _record, options.chunk_rows, oddities(decoded))


def _features(text: TextIO, label: str) -> list[Any]:
    try:
        document = parse(text.read())
    except BadRecord as fault:
        raise FileError(label, fault.code, str(fault)) from None
    kind = document.get("type") if isinstance(document, dict) else None
    if kind == "Feature":
        return [document]
    if kind != "FeatureCollection":
        raise FileError(label, "not_geojson", "不是 GeoJSON（缺少 FeatureCollection）")
    return at_path(document, "features", label)


def _record(feature: Any) -> Record:
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        raise BadRecord("not_feature", "不是 Feature")
    record = flat(feature.get("properties") or {})
    taken = {LON, LAT, ID} & set(record)
    if taken:
        raise BadRecord("twice", f"属性名与位置列重名：{'、'.join(sorted(taken))}")
    if feature.get("id") is not None:
        record[ID] = str(feature["id"])
    record[LON], record[LAT] = _position(feature.get("geometry"))
    return record


def _position(geometry: Any) -> tuple[str | None, str | None]:
    if geometry is None:
        return None, None
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind != "Point":
        raise BadRecord("not_point", f"不是点，是 {kind}")
    position = geometry.get("coordinates")
    if position == []:
        return None, None
    if not isinstance(position, list) or not all(_is_number(part) for part in position[:2]):
        raise BadRecord("bad_position", "坐标不是数字")
    if len(position) < 2:
        raise BadRecord("bad_position", "坐标不足两个数")
    return str(position[0]), str(position[1])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)
