"""What the delivered files have that the current edition has not."""

import os
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb
import orjson

from data.editions.edition import EditionOutdated, NoEdition
from data.editions.shelf import Shelf
from data.editions.store import EditionStore
from data.site import Site
from etl.fetch import FETCHED
from etl.hostile import FileError
from etl.members import Container, Member, Room, containers, is_settled, unpack
from etl.places import Places
from etl.portions import Delivery
from etl.source import Source

IDLE = "idle.json"  # in the home: delivered files that the current edition had no use for


@dataclass(frozen=True)
class New:
    """What one source has that the current edition does not."""

    source: Source
    deliveries: list[Delivery]
    read: dict[str, str]  # delivered file that holds them -> its hash before it was read
    is_declared_anew: bool  # some of it was read by another declaration before
    failures: list[str]
    unsettled: int
    files: int  # delivered files that lie there, new or not

    @property
    def containers(self) -> list[tuple[str, str, str, str]]:
        """(source, file, hash, declaration hash) of the delivered files that were read."""
        declared = self.source.declaration_hash()
        return [(self.source.name, *file, declared) for file in self.read.items()]


@dataclass(frozen=True)
class Look:
    """How delivered files are looked at."""

    input: Path
    fetched: Path
    now: datetime
    hash_of: Callable[[Container], str]
    fetch: Callable[[Source, Path, Path], Container]
    settle: float
    room: Room = field(default_factory=Room)


@dataclass(frozen=True)
class Known:
    """What the current edition was made of."""

    edition: int | None
    site: Site | None
    layers: dict[str, str]
    containers: dict[tuple[str, str], tuple[str, str]]
    members: dict[tuple[str, str], tuple[str, str]]
    sources: frozenset[str] = frozenset()


def known_of(store: EditionStore) -> Known:
    """What the newest edition was made of; of one of an older program its site is not known."""
    try:
        with store.reading() as edition:
            return Known(
                edition.number,
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
                frozenset(name for (name,) in edition.rows("SELECT source FROM sources")),
            )
    except NoEdition:
        return Known(None, None, {}, {}, {})
    except EditionOutdated:
        return _known_of_older(store)


def _known_of_older(store: EditionStore) -> Known:
    """Nothing is delivered twice for the sake of the program."""
    number = store.current()
    assert number is not None
    with duckdb.connect(str(Shelf(store.home).path(number)), read_only=True) as older:

        def rows(sql: str) -> list[tuple]:
            return older.execute(sql).fetchall()

        layers = dict(rows("SELECT layer, files_hash FROM layers"))
        containers = rows("SELECT source, name, content_hash, declaration_hash FROM containers")
        members = rows("SELECT source, member, content_hash, declaration_hash FROM members")
    return Known(number, None, layers, _pairs(containers), _pairs(members))


def on_layers(source: Source, places: Places) -> Source:
    """A source that delivers codes of places is read again when the layers change: a code that
    no layer knew is not in the edition."""
    hashes = places.files_hashes
    own = [key for key in source.columns if key in hashes]
    return source.within("".join(hashes[key] for key in own)) if own else source


def news_of(source: Source, look: Look, known: Known) -> New:
    """The members of `source` whose content or declaration is not that of the edition."""
    declared = source.declaration_hash()
    found = _Found(source, look)
    read: dict[str, str] = {}
    same: list[Container] = []
    unsettled = files = 0
    for container in _containers(source, look, found.problems):
        files += 1
        if not _is_settled(container, source, look):
            unsettled += 1
        elif content_hash := found.hash_of(container):
            if known.containers.get((source.name, container.name)) == (content_hash, declared):
                same.append(container)
            elif found.take(container):
                read[container.name] = content_hash
    if again := _packed_again(found, known):
        for container in same:
            found.take(container, again)
    for name in found.refuse_ties():
        read.pop(name, None)
    new = [
        delivery
        for name, delivery in found.newest.items()
        if known.members.get((source.name, name)) != (delivery.content_hash, declared)
    ]
    anew = any(
        known.members.get((source.name, d.name), (None, declared))[1] != declared for d in new
    )
    return New(source, new, read, anew, [str(p) for p in found.problems], unsettled, files)


@dataclass
class _Found:
    """The newest delivery of each member of a source, and the files that cannot be used."""

    source: Source
    look: Look
    newest: dict[str, Delivery] = field(default_factory=dict)
    tied: dict[str, tuple[Delivery, Delivery]] = field(default_factory=dict)
    problems: list[FileError] = field(default_factory=list)

    def hash_of(self, container: Container) -> str | None:
        try:
            return self.look.hash_of(container)
        except FileError as problem:
            self.problems.append(problem)
            return None

    def take(self, container: Container, wanted: Set[str] | None = None) -> bool:
        """Whether all of the file could be used; its members, only those `wanted`, are kept if
        newer than those of the same name.
        """
        before = len(self.problems)
        try:
            members = unpack(container, self.source.inside, room=self.look.room, wanted=wanted)
        except FileError as problem:
            self.problems.append(problem)
            return False
        for member in members:
            self._keep(member)
        return len(self.problems) == before

    def _keep(self, member: Member) -> None:
        """The member if it is newer than those of its name; one undated stops no other."""
        try:
            delivery = Delivery.of(member, self.source, self.look.now)
        except FileError as problem:
            self.problems.append(problem)
            return
        other = self.newest.setdefault(delivery.name, delivery)
        if _order(delivery) > _order(other):
            self.newest[delivery.name] = delivery
            self.tied.pop(delivery.name, None)
        elif _order(delivery) == _order(other) and delivery.content_hash != other.content_hash:
            self.tied[delivery.name] = (other, delivery)

    def refuse_ties(self) -> set[str]:
        """Leave out the members of which nothing says which content is the newer; the files that
        they came in."""
        for name, tied in self.tied.items():
            del self.newest[name]
            files = " 与 ".join(sorted(d.member.delivered.name for d in tied))
            reason = f"{files} 中内容不同，分不清先后；请只留一份，或改名"
            self.problems.append(FileError(name, "tied", reason))
        return {d.member.delivered.name for tied in self.tied.values() for d in tied}


def _is_settled(container: Container, source: Source, look: Look) -> bool:
    """What we fetched ourselves is whole; what was delivered may still be arriving."""
    is_fetched = source.reader in FETCHED
    return is_fetched or not look.settle or is_settled(container.path, look.settle)


def _packed_again(found: _Found, known: Known) -> set[str]:
    """Members that are known with other content: another file that lies there may hold that."""
    if found.source.is_keyed:  # no other file holds a member of the same name
        return set()
    return {
        name
        for name, delivery in found.newest.items()
        if known.members.get((found.source.name, name), ("", ""))[0]
        not in ("", delivery.content_hash)
    }


def _containers(source: Source, look: Look, problems: list[FileError]) -> list[Container]:
    """The delivered files of a source; for a database, its answer just fetched."""
    if source.reader not in FETCHED:
        return containers(look.input, source.files, problems)
    try:
        return [look.fetch(source, look.input, look.fetched)]
    except FileError as problem:
        problems.append(problem)
        return []


def _order(delivery: Delivery) -> datetime:
    return delivery.sequence or datetime.min


def remember_idle(store: EditionStore, known: Known, news: Sequence[New]) -> None:
    """Note the files that changed nothing in the edition: they need not be read again."""
    read = _pairs([row for new in news for row in new.containers])
    if not read:
        return
    files = [(*where, *what) for where, what in (_pairs(idle(store)) | read).items()]
    half = store.home / f"{IDLE}.{os.getpid()}.tmp"
    half.write_bytes(orjson.dumps({"edition": known.edition, "containers": files}))
    half.replace(store.home / IDLE)


def idle(store: EditionStore) -> list[tuple[str, str, str, str]]:
    """(source, file, hash, declaration hash) of the files noted for the current edition."""
    try:
        kept = orjson.loads((store.home / IDLE).read_bytes())
        return (
            [tuple(row) for row in kept["containers"]] if kept["edition"] == store.current() else []
        )
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _pairs(rows: Sequence[tuple]) -> dict[tuple[str, str], tuple[str, str]]:
    return {(a, b): (c, d) for a, b, c, d in rows}
