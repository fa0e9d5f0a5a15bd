"""One run: find what is new, load it beside the served edition, publish, and say what happened."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from data import retention
from data.declaration import DeclarationError
from data.editions.edition import EditionError
from data.editions.publishing import Build, Step, no_step
from data.editions.store import EditionStore
from data.loading import code_lists, forgetting, merging, provenance
from data.runs import RunLog
from data.site import Site, load_site
from data.targets import TARGETS
from etl import erasure
from etl.accounts import Unbalanced
from etl.examples import check_example
from etl.fetch import fetch
from etl.hostile import FileError
from etl.load import Loading, finish_cases, load_source
from etl.members import Container
from etl.news import Known, Look, New, idle, known_of, news_of, on_layers, remember_idle
from etl.origin import Origin, record
from etl.persons import key_of
from etl.places import Places
from etl.portions import WITH_HEADER
from etl.report import Report
from etl.source import Source, load_sources
from geo.files import LayerError

TARGET_ORDER = tuple(TARGETS)
DERIVED_BY = ("risk", "routing", "calendar", "time_limits", "categories")  # of a site: see derive
FAILURES = (  # what may end a run, and is said in one line
    DeclarationError,
    EditionError,
    FileError,
    LayerError,
    merging.CodeCollision,
    Unbalanced,
)
Progress = Callable[[str, int, int], None]


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
    fetch: Callable[[Source, Path, Path], Container] = fetch,
    settle: float = 0.0,
) -> Report:
    """Load what the site's sources declare and publish an edition if anything changed.

    DeclarationError before anything is touched where a declaration is wrong; EditionError where
    another run is writing or the home belongs to another site. `hash_of` gives the content hash of
    a delivered file, `fetch` what a database answers; files touched within the last `settle`
    seconds wait for the next run.
    """
    site = load_site(origin.site_folder)
    sources = load_sources(origin.site_folder, site)
    now = now or datetime.now(site.tzinfo).replace(tzinfo=None, microsecond=0)
    store, log = EditionStore(home), RunLog(home)
    look = Look(origin.input, home / "fetched", now, hash_of, fetch, settle)
    report = Report(log.start(_zoned(now, site)))
    report.refused_before = {
        s.source: s.reason or "" for s in log.sources() if s.state == "refused"
    }
    try:
        places = Places(site, origin.roots, home / "layers")
        _bring_up_to_date(store, sources, look, places, report, progress, step, wait)
        record(origin, home)
    except BaseException as error:
        reason = str(error) or type(error).__name__
        log.finish(report.run, datetime.now(site.tzinfo), "failed", reason=reason)
        raise
    finally:
        store.close()
    _note_sources(log, report, sources, now, site)
    result = "published" if report.edition else "unchanged"
    ended = datetime.now(site.tzinfo)
    log.finish(report.run, ended, result, edition=report.edition, balance=report.totals())
    return report


def _bring_up_to_date(
    store: EditionStore,
    sources: dict[str, Source],
    look: Look,
    places: Places,
    report: Report,
    progress: Progress,
    step: Step,
    wait: float,
) -> None:
    """Publish an edition with what is new, if anything is."""
    site = places.site
    news, known = _look(sources, look, store, places, report)
    _check_examples([new.source for new in news], site, known, look.now)
    has_news = any(new.deliveries for new in news)
    if _is_of(known, site, places) and not has_news and not erasure.is_due(store, site, look.now):
        remember_idle(store, known, news)
        return
    with store.building(site, wait=wait, step=step) as build:
        if store.current() != known.edition:  # another run has published meanwhile
            store.close()  # else it would go on reading the former edition for a while
            news, known = _look(sources, look, store, places, report)
        key = key_of(store.home)
        loading = Loading(build.connection, site, places, str(report.run), look.now, key)
        is_same_site = _is_of(known, site, places)
        _build(build, loading, store, known, news, report, is_same_site, progress)
    if report.edition is not None:
        report.settings = _declared_anew(known, site, news)
        store.prune(site.keep_editions)


def _declared_anew(known: Known, site: Site, news: Sequence[New]) -> list[str]:
    """The parts of the site's declaration, and the sources, that are not what the edition before
    was made of; of one that cannot be read any more, nothing is known."""
    if known.site is None:
        return []
    parts = [name for name in Site.model_fields if getattr(known.site, name) != getattr(site, name)]
    declared = {new.source.name for new in news}
    anew = {new.source.name for new in news if new.is_declared_anew}
    return parts + [f"sources/{name}" for name in sorted(anew | (declared ^ known.sources))]


def _zoned(moment: datetime, site: Site) -> datetime:
    return moment.replace(tzinfo=site.tzinfo)


def _note_sources(
    log: RunLog, report: Report, sources: dict[str, Source], now: datetime, site: Site
) -> None:
    """Every source was looked at, whether or not it had anything new."""
    for name in sources:
        reason = report.reason(name)
        log.note_source(name, report.state(name), _zoned(now, site), reason=reason)


def _look(
    sources: dict[str, Source], look: Look, store: EditionStore, places: Places, report: Report
) -> tuple[list[New], Known]:
    """What is new in every source, and the edition that it is new to."""
    known = known_of(store)
    with report.timed("find"):
        placed = [on_layers(source, places) for source in sources.values()]
        news = [news_of(source, look, known) for source in placed]
    report.unsettled = sum(new.unsettled for new in news)
    report.without_files = [new.source.name for new in news if new.files == 0]
    report.undeclared = sorted({source for source, _ in known.members} - sources.keys())
    report.failures = {n.source.name: "；".join(n.failures) for n in news if n.failures}
    return news, known


def _is_of(known: Known, site: Site, places: Places) -> bool:
    """Whether the edition was built for the site as it is now."""
    return known.site == site and known.layers == places.files_hashes


def _build(
    build: Build,
    loading: Loading,
    store: EditionStore,
    known: Known,
    news: Sequence[New],
    report: Report,
    is_same_site: bool,
    progress: Progress,
) -> None:
    """Load the news into the edition being built; publish it if that changed anything."""
    with report.timed("layers"):
        if not is_same_site:
            _prepare(loading, known)
    with report.timed("load"):
        _load(loading, news, progress)
    report.forgotten = _forget(build, loading, store)
    _note_unread(report, loading)
    report.balances = loading.balances
    report.new_columns = loading.new_columns
    report.missing_columns = _missing_columns(loading, news)
    if is_same_site and not _changed(loading, news):
        remember_idle(store, known, news)
        return
    provenance.note_containers(build.connection, idle(store))
    report.located = provenance.located(build.connection)
    with report.timed("publish"):
        provenance.write_sources(build.connection, _source_states(loading, news, report))
        report.edition = build.publish(provenance.data_time(build.connection, loading.now))


def _check_examples(sources: Sequence[Source], site: Site, known: Known, now: datetime) -> None:
    """A source that is new or was changed must do what its own examples say."""
    seen = {(name, declared) for (name, _), (_, declared) in known.members.items()}
    for source in sources:
        if (source.name, source.declaration_hash()) not in seen:
            for example in source.examples:
                check_example(source, site, example, now)


def _prepare(loading: Loading, known: Known) -> None:
    """Bring the layers, code lists and what follows from the site up to date, as far as it changed:
    a label or a title costs no row its place or its deadline."""
    loading.places.write(loading.connection)
    code_lists.write_code_lists(loading.connection, loading.site)
    if known.edition is None:
        return
    if known.layers != loading.places.files_hashes:
        loading.places.place_anew(loading.connection)
    if known.site is None or _rules(known.site) != _rules(loading.site):
        merging.touch_all_cases(loading.connection)


def _rules(site: Site) -> dict[str, Any]:
    """All of a site that the derived columns of a case follow from."""
    return {name: getattr(site, name) for name in DERIVED_BY}


def _load(loading: Loading, news: Sequence[New], progress: Progress) -> None:
    ordered = sorted(news, key=lambda new: TARGET_ORDER.index(new.source.target))
    total = sum(len(new.deliveries) for new in news)
    done = 0
    for new in ordered:
        progress(new.source.title, done, total)
        if new.deliveries:
            load_source(loading, new.source, new.deliveries, rewrite=new.is_declared_anew)
        for source, name in loading.unread:
            if source == new.source.name:
                new.read.pop(name, None)
        provenance.note_containers(loading.connection, new.containers)
        done += len(new.deliveries)
    finish_cases(loading)
    code_lists.write_open_lists(loading.connection, loading.site)
    progress("完成", total, total)


def _forget(build: Build, loading: Loading, store: EditionStore) -> int:
    """Empty what must go, also where it has just come again; of how many cases."""
    before = retention.closed_before(loading.site.retention.personal_years, loading.now)
    forgotten = forgetting.forget(build.connection, before, retention.erased_codes(store.home))
    loading.moved += forgotten
    if forgotten:
        build.rewrite()
        loading.connection = build.connection
    return forgotten


def _note_unread(report: Report, loading: Loading) -> None:
    """Files that could not be read this time: their source failed, and they are tried again."""
    for (source, _), reason in loading.unread.items():
        before = report.failures.get(source)
        report.failures[source] = f"{before}；{reason}" if before else reason


def _changed(loading: Loading, news: Sequence[New]) -> bool:
    """Whether any row did: also one that only went, came back, was made anew or seen again.

    A snapshot does though it holds nothing new: an older one that comes late is judged by it.
    """
    snapshots = {new.source.name for new in news if new.source.delivery == "snapshot"}
    return loading.moved > 0 or any(
        b.loaded + b.updated + b.replaced + b.quarantined > 0
        or b.state != "loaded"
        or b.source in snapshots
        for b in loading.balances
    )


def _missing_columns(loading: Loading, news: Sequence[New]) -> dict[str, list[str]]:
    """Declared columns that none of the files just read has, by source; a misspelt name shows.

    Records without a header leave out what is empty, so nothing is said of them.
    """
    found = loading.found_slots
    return {
        source.name: [slot for slot in source.slots if slot not in found[source.name]]
        for source in (new.source for new in news)
        if source.reader in WITH_HEADER and found.get(source.name)
    }


def _source_states(
    loading: Loading, news: Sequence[New], report: Report
) -> list[provenance.SourceState]:
    return [
        provenance.SourceState(
            source=new.source.name,
            title=new.source.title,
            target=new.source.target,
            expected_every=new.source.expected_every,
            checked_at=loading.now,
            state=report.state(new.source.name),
            reason=report.reason(new.source.name),
            new_columns=tuple(loading.new_columns.get(new.source.name, ())),
            is_read_anew=new.is_declared_anew,
        )
        for new in news
    ]
