"""What the delivered files have that the current edition has not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import orjson

from data.editions.edition import NoEdition
from data.editions.store import EditionStore
from data.site import Site
from etl.fetch import FETCHED, fetch
from etl.hostile import FileError
from etl.members import Container, containers, is_settled, unpack
from etl.places import Places
from etl.portions import Delivery
from etl.source import Source

IDLE = "idle.json"  # in the home: delivered files that the current edition had no use for


@dataclass(frozen=True)
class New:
    """What one source has that the current edition does not."""

    source: Source
    deliveries: list[Delivery]
    containers: list[Container]
    is_declared_anew: bool
    failures: list[str]
    unsettled: int
    files: int  # delivered files that lie there, new or not


@dataclass(frozen=True)
class Look:
    """How delivered files are looked at."""

    input: Path
    fetched: Path
    now: datetime
    hash_of: Callable[[Container], str]
    settle: float


@dataclass(frozen=True)
class Known:
    """What the current edition was made of."""

    site: Site | None
    layers: dict[str, str]
    containers: dict[tuple[str, str], tuple[str, str]]
    members: dict[tuple[str, str], tuple[str, str]]


def known_of(store: EditionStore) -> Known:
    try:
        with store.reading() as edition:
            return Known(
                edition.site,
                dict(edition.rows("SELECT layer, files_hash FROM layers")),
                _pairs(
                    edition.rows(
                        "SELECT source, name, content_hash, declaration_hash FROM containers"
                    )
                    + idle(store)
                ),
                _pairs(
                    edition.rows(
                        "SELECT source, member, content_hash, declaration_hash FROM members"
                    )
                ),
            )
    except NoEdition:
        return Known(None, {}, {}, {})


def on_layers(source: Source, places: Places) -> Source:
    """A source that delivers codes of places is read again when the layers change: a code that
    no layer knew is not in the edition."""
    hashes = places.files_hashes
    own = [key for key in source.columns if key in hashes]
    return source.within("".join(hashes[key] for key in own)) if own else source


def news_of(source: Source, look: Look, known: Known) -> New:
    """The members of `source` whose content or declaration is not that of the edition."""
    declared = source.declaration_hash()
    problems: list[FileError] = []
    deliveries: dict[str, Delivery] = {}
    fresh: list[Container] = []
    same: list[Container] = []
    anew = any(d != declared for (s, _), (_, d) in known.members.items() if s == source.name)
    unsettled = files = 0
    for container in _containers(source, look, problems):
        files += 1
        is_fetched = source.reader in FETCHED
        if look.settle and not is_fetched and not is_settled(container.path, look.settle):
            unsettled += 1
            continue
        try:
            content_hash = look.hash_of(container)
            if known.containers.get((source.name, container.name)) == (content_hash, declared):
                same.append(container)
                continue
            for member in unpack(container, source.inside):
                _keep_newer(deliveries, Delivery.of(member, source, look.now))
            fresh.append(container)
        except FileError as problem:
            problems.append(problem)
    for name in _packed_again(source, deliveries, known):
        for container in same:
            for member in unpack(container, source.inside):
                if member.name == name:
                    _keep_newer(deliveries, Delivery.of(member, source, look.now))
    new = [
        delivery
        for name, delivery in deliveries.items()
        if known.members.get((source.name, name)) != (delivery.content_hash, declared)
    ]
    return New(source, new, fresh, anew, [str(p) for p in problems], unsettled, files)


def _packed_again(source: Source, deliveries: dict[str, Delivery], known: Known) -> list[str]:
    """Members of archives that are known with other content: another archive may hold that."""
    return [
        name
        for name, delivery in deliveries.items()
        if delivery.member.container.name != Path(name).name
        and known.members.get((source.name, name), ("", ""))[0] not in ("", delivery.content_hash)
    ]


def _containers(source: Source, look: Look, problems: list[FileError]) -> list[Container]:
    """The delivered files of a source; for a database, its answer just fetched."""
    if source.reader not in FETCHED:
        return containers(look.input, source.files, problems)
    try:
        return [fetch(source, look.input, look.fetched)]
    except FileError as problem:
        problems.append(problem)
        return []


def _keep_newer(deliveries: dict[str, Delivery], delivery: Delivery) -> None:
    """Of two members of one name the newer stands; ties go to the greater content hash."""
    name = delivery.member.name
    other = deliveries.get(name)
    if other is None or _order(delivery) > _order(other):
        deliveries[name] = delivery


def _order(delivery: Delivery) -> tuple[datetime, str]:
    return (delivery.sequence or datetime.min, delivery.content_hash)


def remember_idle(store: EditionStore, news: Sequence[New]) -> None:
    """Note the files that changed nothing in the current edition: they need not be read again."""
    read = [
        (new.source.name, container.name, container.hash, new.source.declaration_hash())
        for new in news
        for container in new.containers
    ]
    kept = {"edition": store.current(), "containers": [*idle(store), *read]}
    (store.home / IDLE).write_bytes(orjson.dumps(kept))


def idle(store: EditionStore) -> list[tuple[str, str, str, str]]:
    try:
        kept = orjson.loads((store.home / IDLE).read_bytes())
        return kept["containers"] if kept["edition"] == store.current() else []
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _pairs(rows: Sequence[tuple]) -> dict[tuple[str, str], tuple[str, str]]:
    return {(a, b): (c, d) for a, b, c, d in rows}
