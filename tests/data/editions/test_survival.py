"""Through kill -9, full disks and damaged files: the old edition or the new one, and whole."""

import errno
import os
import random
import signal
import time
from pathlib import Path

import pytest

from data.editions.edition import EditionDamaged, EditionError
from data.editions.publishing import STAGES
from data.editions.shelf import Shelf
from data.editions.store import EditionStore
from tests.data.editions.writer import (
    REFUSED,
    StopAt,
    ended,
    value_read,
    write_many,
    write_next,
    write_or_die,
    write_within,
    writer,
)

STEPS = [f"{when} {stage}" for stage in STAGES for when in ("before", "after")]
PUBLISHED_FROM = STEPS.index("after pointer") + 1  # from this step on the new edition is served


def served_value(home: Path) -> int:
    """What a fresh process is given, after checking that it is whole."""
    store = EditionStore(home)
    try:
        with store.reading() as edition:
            assert edition.number == store.current()
            return value_read(edition)
    finally:
        store.close()


def orphans(home: Path) -> list[str]:
    kept = {f"{number}.duckdb" for number in EditionStore(home).numbers()}
    return [entry.name for entry in (home / "editions").iterdir() if entry.name not in kept]


def test_every_stage_calls_its_steps_in_order(home):
    stop = StopAt(0, lambda: None)
    write_next(home, stop)
    assert stop.seen == STEPS


@pytest.mark.parametrize("n", range(1, len(STEPS) + 1), ids=STEPS)
def test_a_writer_killed_at_any_step_leaves_the_old_edition_or_the_new(first, home, n):
    assert ended(writer(write_or_die, home, n)) == -signal.SIGKILL
    assert served_value(home) == (2 if n >= PUBLISHED_FROM else 1)
    assert len(orphans(home)) <= 2
    after = served_value(home) + 1
    assert ended(writer(write_or_die, home, 0)) == 0  # the lock is free
    assert (served_value(home), orphans(home)) == (after, [])


@pytest.mark.parametrize(
    "step", ["after copy", "after checkpoint", "before pointer", "after pointer"]
)
def test_the_first_writer_killed_leaves_nothing_or_an_edition(home, step):
    ended(writer(write_or_die, home, STEPS.index(step) + 1))
    assert EditionStore(home).current() in (None, 1)
    before = EditionStore(home).current() and served_value(home) or 0
    assert ended(writer(write_or_die, home, 0)) == 0
    assert (served_value(home), orphans(home)) == (before + 1, [])


def test_a_writer_killed_at_any_moment_leaves_the_old_edition_or_the_new(first, home):
    kills(home, 12)


@pytest.mark.soak
def test_200_kills(first, home):
    kills(home, 200)


def kills(home: Path, times: int) -> None:
    ended(writer(write_or_die, home, 0))
    began = time.monotonic()
    ended(writer(write_or_die, home, 0))
    usual = time.monotonic() - began
    chance, survived = random.Random(2026), 0
    for _ in range(times):
        before = served_value(home)
        process = writer(write_or_die, home, 0)
        time.sleep(chance.uniform(0, usual))
        process.kill()
        survived += ended(process) == 0
        assert served_value(home) in (before, before + 1)
        assert len(orphans(home)) <= 2
    assert survived < times
    assert write_next(home) and orphans(home) == []


def fail() -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("n", range(1, len(STEPS) + 1), ids=STEPS)
def test_a_failure_at_any_step_leaves_the_old_edition_or_the_new(first, home, n):
    with pytest.raises(OSError, match="No space"):
        write_next(home, StopAt(n, fail))
    expected = 2 if n >= PUBLISHED_FROM else 1
    assert served_value(home) == expected
    assert len(orphans(home)) <= 1  # renamed, and the pointer not yet moved
    write_next(home)
    assert (served_value(home), orphans(home)) == (expected + 1, [])


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9])
def test_a_full_disk_leaves_the_old_edition_and_a_retry_works(first, home, share):
    size = (home / "editions" / "1.duckdb").stat().st_size
    assert ended(writer(write_within, home, round(size * share) + 1)) == REFUSED
    assert (served_value(home), orphans(home)) == (1, [])
    assert write_next(home) > 1
    assert served_value(home) == 2


def test_an_edition_damaged_before_it_is_served_is_refused(first, home):

    def damage_at(name: str) -> None:
        if name == "before verify":
            [file] = (home / "editions").glob(".building-*")
            damage(file)

    with pytest.raises(EditionDamaged, match="未发布"):
        write_next(home, damage_at)
    assert (served_value(home), orphans(home)) == (1, [])
    write_next(home)
    assert served_value(home) == 2


@pytest.mark.parametrize("seed", range(12))
def test_16_wrong_bytes_anywhere_are_found_or_touch_nothing(first, home, seed):

    def damage_at(name: str) -> None:
        if name == "before verify":
            [file] = (home / "editions").glob(".building-*")
            chance = random.Random(seed)
            place = chance.randrange(file.stat().st_size - 16)
            overwrite(file, place, chance.randbytes(16))

    try:
        write_next(home, damage_at)
    except EditionDamaged:
        assert served_value(home) == 1
    else:
        assert served_value(home) == 2  # whole all the same: these bytes held nothing


def test_a_current_edition_that_cannot_be_opened_gives_way_to_the_one_before(first, home):
    write_many(home, 2)
    overwrite(home / "editions" / "3.duckdb", 0, bytes(20_000))
    store = EditionStore(home)
    with store.reading() as edition:
        assert value_read(edition) == 2
    assert (store.serving(), store.current()) == (2, 3)
    assert "版本 3 已损坏，改用上一个完好的版本" in (store.problem() or "")


def test_damage_found_while_reading_gives_way_at_the_next_question(first, home):
    write_many(home, 2)
    damage(home / "editions" / "3.duckdb")
    store = EditionStore(home)
    try:
        with store.reading() as edition:
            value_read(edition)
        assert edition.number == 2  # noticed on opening
    except EditionDamaged as error:
        assert "版本 3 的文件读不出来" in str(error)
    with store.reading() as edition:
        assert value_read(edition) == 2
    assert "版本 3" in (store.problem() or "")


def test_a_current_edition_that_is_gone_gives_way_to_the_one_before(first, home):
    write_many(home, 2)
    (home / "editions" / "3.duckdb").unlink()
    store = EditionStore(home)
    with store.reading() as edition:
        assert value_read(edition) == 2


def test_the_next_edition_after_a_damaged_one_starts_from_the_last_sound_one(first, home):
    write_many(home, 2)
    damage(home / "editions" / "3.duckdb")
    tries = 0
    while served_or_none(home) != 3 and tries < 3:  # the first may have to find the damage
        tries += 1
        try:
            write_next(home)
        except EditionError:
            continue
    assert served_value(home) == 3
    store = EditionStore(home)
    assert store.problem() is None
    assert store.current() == 4


def served_or_none(home: Path) -> int | None:
    try:
        return served_value(home)
    except (EditionDamaged, AssertionError):
        return None


def test_a_home_where_nothing_is_sound_is_refused_not_begun_anew(first, home):
    write_next(home)
    for number in (1, 2):
        overwrite(home / "editions" / f"{number}.duckdb", 0, bytes(20_000))
    with pytest.raises(EditionDamaged, match="没有一个版本读得出来"), EditionStore(home).reading():
        pass
    with pytest.raises(EditionDamaged, match="没有一个版本读得出来"):
        write_next(home)


def test_damage_that_was_no_damage_is_served_again_after_a_full_scan(first, home, monkeypatch):
    monkeypatch.setattr("data.editions.serving.RETRY", 1.0)
    write_next(home)
    store = EditionStore(home)
    with pytest.raises(EditionDamaged), store.reading() as edition:
        raise EditionDamaged("for once")
    assert (store.serving(), "版本 2" in (store.problem() or "")) == (1, True)
    assert serves_within(store, edition.number, 10)
    assert store.problem() is None


def serves_within(store: EditionStore, number: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while store.serving() != number and time.monotonic() < deadline:
        time.sleep(0.01)
    return store.serving() == number


def test_a_damaged_edition_that_was_restored_is_served_again(first, home, monkeypatch):
    monkeypatch.setattr("data.editions.serving.RETRY", 0.5)
    write_next(home)
    file = home / "editions" / "2.duckdb"
    sound = file.read_bytes()
    file.write_bytes(bytes(len(sound)))
    store = EditionStore(home)
    assert store.serving() == 1
    assert not serves_within(store, 2, 1.2)  # tried and still damaged
    file.write_bytes(sound)
    assert serves_within(store, 2, 10)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_edition_that_could_not_be_opened_for_once_is_tried_again(first, home, monkeypatch):
    monkeypatch.setattr("data.editions.serving.RETRY", 0.5)
    store = EditionStore(home)
    assert store.serving() == 1
    path = Shelf.path

    def too_many_files(shelf, number):
        raise OSError(errno.EMFILE, "Too many open files")

    write_next(home)
    monkeypatch.setattr(Shelf, "path", too_many_files)
    assert not serves_within(store, 2, 0.3)
    monkeypatch.setattr(Shelf, "path", path)
    assert serves_within(store, 2, 10)


def test_an_idle_edition_chosen_to_be_served_is_not_closed_by_others(first, home):
    """Another reader tidies up between the choice and the serving."""
    write_next(home)
    store = EditionStore(home, linger=0.0)
    serving = store._serving
    found = serving._newest_sound()
    assert found is not None
    with store.reading(1):  # giving it back closes what is idle
        pass
    assert serving._open[2] is found
    serving._give_back(found)
    assert store.serving() == 2


@pytest.mark.parametrize("pointer", [b"", b"1", b"nonsense\n", b"\xff\xfe\n", b"3"])
def test_a_damaged_pointer_means_the_newest_edition_and_is_reported(first, home, pointer):
    write_many(home, 2)
    (home / "CURRENT").write_bytes(pointer)
    assert served_value(home) == 3
    store = EditionStore(home)
    assert "CURRENT 读不出版本号" in (store.problem() or "")
    write_next(home)
    assert (served_value(home), store.problem()) == (4, None)


def test_an_edition_whose_pointer_was_never_moved_is_not_offered(first, home):
    with pytest.raises(OSError, match="No space"):
        write_next(home, StopAt(STEPS.index("before pointer") + 1, fail))
    store = EditionStore(home)
    assert (store.numbers(), store.current(), orphans(home)) == ([1], 1, ["2.duckdb"])
    assert write_next(home) == 3  # no number is used twice


def test_a_wal_that_is_left_over_is_no_finished_edition(home):
    def leave_wal(name: str) -> None:
        if name == "before verify":
            [file] = (home / "editions").glob(".building-*")
            Path(f"{file}.wal").write_bytes(b"x")

    with pytest.raises(EditionDamaged, match="WAL"):
        write_next(home, leave_wal)
    assert os.listdir(home / "editions") == []


def damage(file: Path) -> None:
    """Overwrite everything but the headers of a DuckDB file."""
    overwrite(file, 3 * 4096, random.Random(1).randbytes(file.stat().st_size - 3 * 4096))


def overwrite(file: Path, place: int, content: bytes) -> None:
    with open(file, "r+b") as opened:
        opened.seek(place)
        opened.write(content)
