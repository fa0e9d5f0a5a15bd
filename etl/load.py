"""Load the changed members of one source into the edition being built, and account for each row."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import duckdb

from data.loading import merging
from data.site import Site
from etl.accounts import Balance, balances, record, rows_delivered
from etl.clean import clean
from etl.derive import Rules, derive
from etl.identity import identify
from etl.incoming import gather_incoming
from etl.persons import UNLINKED, link_persons
from etl.places import Places
from etl.portions import PORTION_ROWS, Delivery, Portion, portions
from etl.refusal import refuse
from etl.source import Source


@dataclass
class Loading:
    """One run's work on the edition being built."""

    connection: duckdb.DuckDBPyConnection
    site: Site
    places: Places
    run: str
    now: datetime
    person_key: bytes = UNLINKED
    balances: list[Balance] = field(default_factory=list)
    new_columns: dict[str, list[str]] = field(default_factory=dict)
    found_slots: dict[str, set[str]] = field(default_factory=dict)
    unread: dict[tuple[str, str], str] = field(default_factory=dict)  # (source, file) -> reason
    moved: int = 0  # what no balance counts: went, came back, was made anew or only seen again
    rules: Rules = field(init=False)

    def __post_init__(self) -> None:
        self.rules = Rules(self.site)
        self.connection.execute("CREATE OR REPLACE TEMP TABLE touched (case_code VARCHAR)")

    def note_reading(self, source: str, portion: Portion) -> None:
        """What a portion says beside its rows: its columns, and what could not be read."""
        for number, reason in portion.unread.items():
            self.unread[source, portion.taken[number].member.delivered.name] = reason
        known = self.new_columns.setdefault(source, [])
        known += [name for name in portion.new_columns if name not in known]
        self.found_slots.setdefault(source, set()).update(portion.found)


def load_source(
    loading: Loading, source: Source, deliveries: Sequence[Delivery], rewrite: bool
) -> list[Balance]:
    """Load the deliveries of one source; a balance for each. Nothing of a refused one is loaded."""
    found: list[Balance] = []
    spared: list[str] = []  # members that say nothing yet about the rows that they had
    if rewrite:
        contents = {d.name: d.content_hash for d in deliveries}
        declared = source.declaration_hash()
        merging.begin_rewrite(loading.connection, source.target, source.name, declared, contents)
    in_order = deliveries
    if source.delivery == "snapshot":  # each is judged by the one before it
        in_order = sorted(deliveries, key=lambda delivery: delivery.place)
    for portion in portions(loading.connection, source, in_order):
        loading.note_reading(source.name, portion)
        found += _load_portion(loading, source, portion)
        spared += [portion.taken[number].name for number in portion.unread]
    if rewrite:
        spared += [b.member for b in found if b.state == "refused"]
        loading.moved += merging.end_rewrite(loading.connection, source.target, source.name, spared)
    if source.delivery == "snapshot":
        is_fetched = source.sequence == "fetched"
        loading.moved += merging.mark_withdrawn(
            loading.connection, source.target, source.name, is_fetched
        )
    loading.balances += found
    return found


def finish_cases(loading: Loading) -> None:
    """Derive anew the cases whose steps came without the case itself, or whose rules changed."""
    # Not all at once: a changed rule touches every case there is. Again where rows were numbered
    # anew meanwhile.
    while rows := merging.touched_rows(loading.connection, PORTION_ROWS):
        for first in rows:
            merging.pend_touched_cases(loading.connection, range(first, first + rows.step))
            _write(loading, "cases")
    loading.connection.execute("DELETE FROM touched")


def _load_portion(loading: Loading, source: Source, portion: Portion) -> list[Balance]:
    connection = loading.connection
    delivered = rows_delivered(connection)
    fields = clean(connection, source, loading.site, loading.now)
    refused = refuse(connection, source, loading.site, portion, delivered)
    identify(connection, source)
    loading.places.place(connection, source, fields)
    gather_incoming(connection, source, loading.site, fields)
    if source.target == "parties":
        link_persons(connection, loading.person_key)
    declared = source.declaration_hash()
    loading.moved += merging.classify(connection, source.target, source.name, declared)
    accepted = [d.name for n, d in portion.deliveries.items() if n not in refused]
    gone = merging.remove_replaced(connection, source.target, source.name, accepted)
    _write(loading, source.target)
    found = balances(connection, source, portion, delivered, refused, gone)
    deliveries = portion.deliveries.values()
    loading.moved += record(connection, source, deliveries, found, loading.run, loading.now)
    return found


def _write(loading: Loading, target: str) -> None:
    """Write what is `pending`, and all that follows from it."""
    connection = loading.connection
    if not connection.execute("SELECT 1 FROM pending LIMIT 1").fetchall():
        return
    if target == "handlings":
        connection.execute("INSERT INTO touched SELECT DISTINCT case_code FROM pending")
    if target == "cases":
        derive(connection, loading.rules)
        merging.replace_steps(connection)
        connection.execute("DELETE FROM touched WHERE case_code IN (SELECT case_code FROM pending)")
    merging.write_pending(connection, target)
