"""The same person in two cases: linked by a keyed hash, which says nothing of who it is."""

import hashlib
import os
import stat
from concurrent.futures import ThreadPoolExecutor

import duckdb
import pytest

from etl.persons import KEY_FILE, key_of, link_persons, person_key

KEY = b"k" * 32


def linked(one: tuple, other: tuple) -> bool:
    keys = person_key(KEY, *one), person_key(KEY, *other)
    return keys[0] is not None and keys[0] == keys[1]


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (("张测甲", None, "00000019800101000X"), ("张 测甲", None, "000000 19800101 000x"), True),
        (
            ("张测甲", None, "000000198001010000"),
            (None, "1", "０００００0１９８００１０１００0９"),
            True,
        ),
        (("张测甲", None, "000000800101001"), (None, None, "000000198001010010"), True),
        (("张测甲", None, "000000198001010000"), ("张测甲", None, "000000198001010020"), False),
        (("张测甲", "19900001234", None), ("张测甲", "+86 199-0000-1234", None), True),
        (("张测甲", "19900001234", None), ("李测乙", "19900001234", None), False),
        (("张测甲", None, None), ("张测甲", None, None), False),
        ((None, "19900001234", None), (None, "19900001234", None), False),
        (("张测甲", "110", None), ("张测甲", "110", None), False),
    ],
)
def test_a_person_is_known_by_number_or_by_name_and_phone(one, other, is_same):
    assert linked(one, other) == is_same


def test_without_the_key_nobody_can_try_numbers():
    told = person_key(KEY, None, None, "000000198001010000")
    assert told is not None and len(told) == 32
    assert told != person_key(b"other", None, None, "000000198001010000")
    assert told not in hashlib.sha256(b"000000198001010000").hexdigest()


def test_a_home_has_one_key_that_only_its_owner_reads(tmp_path):
    with ThreadPoolExecutor(4) as pool:
        keys = set(pool.map(key_of, [tmp_path / "home"] * 8))
    assert len(keys) == 1 and len(keys.pop()) == 32
    assert stat.S_IMODE(os.stat(tmp_path / "home" / KEY_FILE).st_mode) == 0o600
    assert [path.name for path in (tmp_path / "home").iterdir()] == [KEY_FILE]
    assert key_of(tmp_path / "other") != key_of(tmp_path / "home")


def test_incoming_parties_are_keyed_where_something_identifies_them():
    rows = [("a", "张测甲", "19900001234", None), ("b", "张测甲", None, None)]
    rows += [("c", None, None, "000000198001010000"), ("d", "张测甲", "19900001234", None)]
    with duckdb.connect(":memory:") as connection:
        connection.execute(
            "CREATE TABLE incoming (code VARCHAR, name VARCHAR, phone VARCHAR,"
            " id_number VARCHAR, person_key VARCHAR)"
        )
        connection.executemany("INSERT INTO incoming VALUES (?, ?, ?, ?, NULL)", rows)
        link_persons(connection, b"")
        assert connection.execute("SELECT count(person_key) FROM incoming").fetchall() == [(0,)]
        link_persons(connection, KEY)
        found = dict(connection.execute("SELECT code, person_key FROM incoming").fetchall())
    assert found == {
        "a": person_key(KEY, "张测甲", "19900001234", None),
        "b": None,
        "c": person_key(KEY, None, None, "000000198001010000"),
        "d": found["a"],
    }
