"""Times as people and systems write them: what one text means, or that it means nothing certain."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

EXCEL_EPOCHS = {"excel": datetime(1899, 12, 30), "excel1904": datetime(1904, 1, 1)}
EPOCH_UNITS = {"epoch_s": 1, "epoch_ms": 1000}
CHINESE_DIGITS = str.maketrans("〇零一二三四五六七八九", "00123456789")
YEAR_FIRST = re.compile(
    r"(?P<y>\d{4})\s*[-/.年]\s*(?P<m>\d{1,2})\s*[-/.月]\s*(?P<d>\d{1,2})\s*日?"
    r"(?:[T\s]*(?P<H>\d{1,2})\s*[:时点]\s*(?:(?P<M>\d{1,2})\s*(?:分|:)?\s*"
    r"(?:(?P<S>\d{1,2})(?:\.\d+)?\s*秒?)?)?)?\s*(?P<zone>Z|[+-]\d{2}:?\d{2})?"
)
STAMP = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T?(\d{2})(\d{2})(\d{2})?)?")
MONTH = re.compile(r"(\d{4})\s*[-/.年]?\s*(\d{1,2})\s*月?")


def parse_time(
    text: str, formats: Sequence[str], source_zone: ZoneInfo, site_zone: ZoneInfo
) -> datetime | None:
    """The naive time in the site's zone that `text` means, or None where it is not certain.

    Tried in turn: the declared formats, then the forms that can mean one thing only (year first,
    年月日, 8- and 14-digit stamps). Day/month order is never guessed, numbers are taken as Excel
    serials or epochs only where the declaration says so.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    for name in formats:
        found = _declared(plain, name, source_zone, site_zone)
        if found is not None:
            return found
    return _year_first(plain, source_zone, site_zone) or _stamp(plain, source_zone, site_zone)


def _declared(text: str, name: str, source_zone: ZoneInfo, site_zone: ZoneInfo) -> datetime | None:
    if name in EPOCH_UNITS:
        return _epoch(text, EPOCH_UNITS[name], site_zone)
    if name in EXCEL_EPOCHS:
        return _excel(text, EXCEL_EPOCHS[name])
    if name == "month":
        return _month(text)
    if "%" not in name:
        return None
    try:
        return _in_site_zone(datetime.strptime(text, name), source_zone, site_zone)
    except ValueError:
        return None


def _epoch(text: str, per_second: int, site_zone: ZoneInfo) -> datetime | None:
    try:
        moment = datetime.fromtimestamp(float(text) / per_second, tz=UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return moment.astimezone(site_zone).replace(tzinfo=None)


def _excel(text: str, epoch: datetime) -> datetime | None:
    try:
        days = float(text)
    except ValueError:
        return None
    if not 20_000 < days < 80_000:
        return None
    return epoch + timedelta(seconds=round(days * 86_400))


def _month(text: str) -> datetime | None:
    found = MONTH.fullmatch(text)
    return _built(found.group(1), found.group(2), "1") if found else None


def _year_first(text: str, source_zone: ZoneInfo, site_zone: ZoneInfo) -> datetime | None:
    found = YEAR_FIRST.fullmatch(_arabic(text))
    if not found:
        return None
    parts = found.groupdict()
    moment = _built(*(parts[name] for name in "ymdHMS"))
    if moment is None:
        return None
    if parts["zone"]:
        offset = parts["zone"].replace("Z", "+0000").replace(":", "")
        sign = -1 if offset[0] == "-" else 1
        shift = sign * timedelta(hours=int(offset[1:3]), minutes=int(offset[3:5]))
        moment = moment.replace(tzinfo=timezone(shift))
    return _in_site_zone(moment, source_zone, site_zone)


def _stamp(text: str, source_zone: ZoneInfo, site_zone: ZoneInfo) -> datetime | None:
    found = STAMP.fullmatch(text)
    moment = _built(*found.groups()) if found else None
    return _in_site_zone(moment, source_zone, site_zone) if moment else None


def _arabic(text: str) -> str:
    """Chinese numerals digit by digit (二〇二六年), and 十 as in 十一月二十日."""
    text = re.sub(r"([一二三四五六七八九])?十([一二三四五六七八九])?", _tens, text)
    return text.translate(CHINESE_DIGITS)


def _tens(found: re.Match) -> str:
    return f"{found.group(1) or '一'}{found.group(2) or '〇'}"


def _built(year, month, day, hour=None, minute=None, second=None) -> datetime | None:
    clock = [int(part or 0) for part in (hour, minute, second)]
    is_midnight = clock == [24, 0, 0]  # 24:00 is the end of the day
    try:
        h, m, s = (0, 0, 0) if is_midnight else clock
        moment = datetime(int(year), int(month), int(day), h, m, s)
        return moment + timedelta(days=is_midnight)
    except (ValueError, OverflowError):
        return None


def _in_site_zone(moment: datetime, source_zone: ZoneInfo, site_zone: ZoneInfo) -> datetime:
    if moment.tzinfo is None and source_zone.key == site_zone.key:
        return moment
    if moment.tzinfo is None:
        moment = _without_summer_time(moment.replace(tzinfo=source_zone))
    return moment.astimezone(site_zone).replace(tzinfo=None)


def _without_summer_time(moment: datetime) -> datetime:
    """Of the two readings of an hour that the clock change repeats or skips, winter time's.

    The database chooses the same.
    """
    return min((moment, moment.replace(fold=1)), key=lambda m: m.utcoffset() or timedelta())
