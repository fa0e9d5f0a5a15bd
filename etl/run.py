"""One run: find what is new, load it beside the served edition, publish, and say what happened."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

import orjson

from data.editions.edition import NoEdition
from data.editions.publishing import Step, no_step
from data.editions.store import EditionStore
from data.loading import code_lists, merging, provenance
from data.runs import RunLog
from data.site import Site, load_site
from etl.examples import check_example
from etl.fetch import FETCHED, fetch
from etl.hostile import FileError
from etl.load import Balance, Delivery, Loading, finish_cases, load_source
from etl.members import Container, containers, is_settled, unpack
from etl.origin import Origin, record
from etl.places import Places
from etl.source import Source, load_sources

COUNTS = (
    "rows_in",
    "loaded",
    "updated",
    "unchanged",
    "duplicate",
    "stale",
    "quarantined",
    "replaced",
)
IDLE = "idle.json"  # in the home: delivered files that the current edition had no use for
WITH_HEADER = frozenset({"csv", "excel", "parquet"})  # readers that name every column
TARGET_ORDER = ("handlings", "cases", "alerts")  # steps first: cases are derived with them
Progress = Callable[[str, int, int], None]


@dataclass
class Report:
    """What a run did. `edition` is None where nothing changed and so nothing was published."""

    run: int = 0
    edition: int | None = None
    balances: list[Balance] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)  # source -> reason
    new_columns: dict[str, list[str]] = field(default_factory=dict)
    missing_columns: dict[str, list[str]] = field(default_factory=dict)  # declared, in no file
    seconds: dict[str, float] = field(default_factory=dict)
    unsettled: int = 0  # files that were still arriving
    without_files: list[str] = field(default_factory=list)  # sources for which nothing lies there
    located: tuple[int, int] | None = None  # cases with a grid, all cases
    refused_before: dict[str, str] = field(default_factory=dict)  # source -> reason

    @property
    def is_good(self) -> bool:
        return not self.failures and all(b.state == "loaded" for b in self.balances)

    def state(self, source: str) -> str:
        """ok | refused | failed; what was refused before stays so until something newer comes."""
        if source in self.failures:
            return "failed"
        states = {b.state for b in self.balances if b.source == source}
        stays_refused = not states and source in self.refused_before
        return "refused" if stays_refused or "refused" in states else "ok"

    def reason(self, source: str) -> str | None:
        """Why the source is not ok."""
        mine = [b for b in self.balances if b.source == source and b.state == "refused"]
        refused = [f"{b.member}：{b.reason}" for b in mine]
        if source in self.failures:
            return self.failures[source]
        if not any(b.source == source for b in self.balances):
            return self.refused_before.get(source)
        return "；".join(refused[:3]) or None

    def totals(self, source: str | None = None) -> dict[str, int]:
        """The balance of one source, or of the whole run."""
        mine = [b for b in self.balances if source in (None, b.source)]
        return {name: sum(getattr(b, name) for b in mine) for name in COUNTS}

    def as_json(self) -> bytes:
        return orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


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
class _Look:
    """How delivered files are looked at."""

    input: Path
    fetched: Path
    now: datetime
    hash_of: Callable[[Container], str]
    settle: float


def silent(_stage: str, _done: int, _of: int) -> None:
    """Progress that nobody watches."""


def run(
    origin: Origin,
    home: Path,
    *,
    now: datetime | None = None,
    progress: Progress = silent,
    step: Step = no_step,
    wait: float = 0.0,
    hash_of: Callable[[Container], str] = lambda container: container.hash,
    settle: float = 0.0,
) -> Report:
    """Load what the site's sources declare and publish an edition if anything changed.

    DeclarationError before anything is touched where a declaration is wrong; EditionError where
    another run is writing or the home belongs to another site. `hash_of` gives the content hash of
    a delivered file; files touched within the last `settle` seconds wait for the next run.
    """
    site = load_site(origin.site_folder)
    sources = load_sources(origin.site_folder, site)
    now = now or datetime.now(site.tzinfo).replace(tzinfo=None, microsecond=0)
    store, log = EditionStore(home), RunLog(home)
    look = _Look(origin.input, home / "fetched", now, hash_of, settle)
    report = Report(log.start(_zoned(now, site)))
    report.refused_before = {
        s.source: s.reason or "" for s in log.sources() if s.state == "refused"
    }
    try:
        _run(site, sources, origin, look, store, report, now, progress, step, wait)
        record(origin, home)
    except BaseException as error:
        reason = str(error) or type(error).__name__
        log.finish(report.run, datetime.now(site.tzinfo), "failed", reason=reason)
        raise
    finally:
        store.close()
    _note_sources(log, report, sources, now, site)
    result = "published" if report.edition else "unchanged"
    log.finish(
        report.run,
        datetime.now(site.tzinfo),
        result,
        edition=report.edition,
        balance=report.totals(),
    )
    return report


def _zoned(moment: datetime, site: Site) -> datetime:
    return moment.replace(tzinfo=site.tzinfo)


def _note_sources(
    log: RunLog, report: Report, sources: dict[str, Source], now: datetime, site: Site
) -> None:
    """Every source was looked at, whether or not it had anything new."""
    for name in sources:
        reason = report.reason(name)
        log.note_source(name, report.state(name), _zoned(now, site), reason=reason)


def _run(site, sources, origin, look, store, report, now, progress, step, wait) -> None:
    known = _known(store, site)
    with report.timed("find"):
        places = Places(site, origin.roots, store.home / "layers")
        sources = {name: _on_layers(source, places) for name, source in sources.items()}
        news = [_new(source, look, known) for source in sources.values()]
    report.unsettled = sum(new.unsettled for new in news)
    report.without_files = [new.source.name for new in news if new.files == 0]
    report.failures = {n.source.name: "；".join(n.failures) for n in news if n.failures}
    _check_examples(sources, site, known, now)
    is_same_site = known.site == site and known.layers == places.files_hashes
    if is_same_site and not any(new.deliveries for new in news):
        return
    with store.building(site, wait=wait, step=step) as build:
        loading = Loading(build.connection, site, places, str(report.run), now)
        with report.timed("layers"):
            _prepare(loading, known, is_same_site)
        with report.timed("load"):
            _load(loading, news, progress)
        report.balances = loading.balances
        report.new_columns = loading.new_columns
        report.missing_columns = _missing_columns(loading, sources)
        if is_same_site and not _changed(loading):
            _remember_idle(store, news)
            return
        for source, name, content_hash, declared in _idle(store):
            provenance.note_containers(build.connection, source, [(name, content_hash)], declared)
        report.located = provenance.located(build.connection)
        with report.timed("publish"):
            provenance.write_sources(
                build.connection, _source_states(loading, sources, report, now)
            )
            report.edition = build.publish(provenance.data_time(build.connection, now))
    store.prune(site.keep_editions)


def _check_examples(sources: dict[str, Source], site: Site, known: "Known", now: datetime) -> None:
    """A source that is new or was changed must do what its own examples say."""
    seen = {(name, declared) for (name, _), (_, declared) in known.members.items()}
    for source in sources.values():
        if (source.name, source.declaration_hash()) not in seen:
            for example in source.examples:
                check_example(source, site, example, now)


@dataclass(frozen=True)
class Known:
    """What the current edition was made of."""

    site: Site | None
    layers: dict[str, str]
    containers: dict[tuple[str, str], tuple[str, str]]
    members: dict[tuple[str, str], tuple[str, str]]


def _known(store: EditionStore, site: Site) -> Known:
    try:
        with store.reading() as edition:
            return Known(
                edition.site,
                dict(edition.rows("SELECT layer, files_hash FROM layers")),
                _pairs(
                    edition.rows(
                        "SELECT source, name, content_hash, declaration_hash FROM containers"
                    )
                    + _idle(store)
                ),
                _pairs(
                    edition.rows(
                        "SELECT source, member, content_hash, declaration_hash FROM members"
                    )
                ),
            )
    except NoEdition:
        return Known(None, {}, {}, {})


def _on_layers(source: Source, places: Places) -> Source:
    """A source that delivers codes of places is read again when the layers change: a code that
    no layer knew is not in the edition."""
    hashes = places.files_hashes
    own = [key for key in source.columns if key in hashes]
    return source.within("".join(hashes[key] for key in own)) if own else source


def _pairs(rows: Sequence[tuple]) -> dict[tuple[str, str], tuple[str, str]]:
    return {(a, b): (c, d) for a, b, c, d in rows}


def _new(source: Source, look: _Look, known: Known) -> New:
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


def _containers(source: Source, look: _Look, problems: list[FileError]) -> list[Container]:
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


def _prepare(loading: Loading, known: Known, is_same_site: bool) -> None:
    """Bring the layers, code lists and everything that follows from the site up to date."""
    if is_same_site:
        return
    loading.places.write(loading.connection)
    code_lists.write_code_lists(loading.connection, loading.site)
    if known.site is not None:
        loading.places.place_anew(loading.connection)
        merging.touch_all_cases(loading.connection)


def _load(loading: Loading, news: Sequence[New], progress: Progress) -> None:
    ordered = sorted(news, key=lambda new: TARGET_ORDER.index(new.source.target))
    total = sum(len(new.deliveries) for new in news)
    done = 0
    for new in ordered:
        if not new.deliveries:
            continue
        progress(new.source.title, done, total)
        load_source(loading, new.source, new.deliveries, rewrite=new.is_declared_anew)
        provenance.note_containers(
            loading.connection,
            new.source.name,
            [(container.name, container.hash) for container in new.containers],
            new.source.declaration_hash(),
        )
        done += len(new.deliveries)
    finish_cases(loading)
    code_lists.write_open_lists(loading.connection, loading.site)
    progress("完成", total, total)


def _changed(loading: Loading) -> bool:
    """Whether any row did: also one that only went, came back or was seen again."""
    return loading.moved > 0 or any(
        b.loaded + b.updated + b.replaced + b.quarantined > 0 or b.state != "loaded"
        for b in loading.balances
    )


def _remember_idle(store: EditionStore, news: Sequence[New]) -> None:
    """Note the files that changed nothing in the current edition: they need not be read again."""
    read = [
        (new.source.name, container.name, container.hash, new.source.declaration_hash())
        for new in news
        for container in new.containers
    ]
    kept = {"edition": store.current(), "containers": [*_idle(store), *read]}
    (store.home / IDLE).write_bytes(orjson.dumps(kept))


def _idle(store: EditionStore) -> list[tuple[str, str, str, str]]:
    try:
        kept = orjson.loads((store.home / IDLE).read_bytes())
        return kept["containers"] if kept["edition"] == store.current() else []
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _missing_columns(loading: Loading, sources: dict[str, Source]) -> dict[str, list[str]]:
    """Declared columns that none of the files just read has, by source; a misspelt name shows.

    Records without a header leave out what is empty, so nothing is said of them.
    """
    with_header = {name for name, source in sources.items() if source.reader in WITH_HEADER}
    return {
        name: [slot for slot in sources[name].slots if slot not in found]
        for name, found in loading.found_slots.items()
        if name in with_header and found
    }


def _source_states(
    loading: Loading, sources: dict[str, Source], report: Report, now: datetime
) -> list[provenance.SourceState]:
    return [
        provenance.SourceState(
            source=source.name,
            title=source.title,
            target=source.target,
            expected_every=source.expected_every,
            checked_at=now,
            state=report.state(source.name),
            reason=report.reason(source.name),
            new_columns=tuple(loading.new_columns.get(source.name, ())),
        )
        for source in sources.values()
    ]
