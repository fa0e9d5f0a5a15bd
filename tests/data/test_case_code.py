"""A case code follows from source and key, and finds what people mistype."""

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from data.case_code import ALPHABET, SEPARATOR, case_code, case_code_sql, check_character, is_valid

KNOWN = ["90HEY8DWANX5T", "GBMJTYYR35JJQ", "V0JEJ3E684GQP"]
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)


def test_a_code_has_the_form_that_is_written_on_paper():
    code = case_code("hotline_12345", "RX2611050000001")
    assert code == case_code("hotline_12345", "RX2611050000001")
    assert len(code) == 13 and set(code) <= set(ALPHABET) and is_valid(code)
    assert not set(ALPHABET) & set("ILOU")


def test_the_code_is_known_once_and_for_all():
    """Codes stand on paper: another way of making them would orphan every printed one."""
    assert [case_code("a", "1"), case_code("b", "1"), case_code("a", "2")] == KNOWN


def test_source_and_key_do_not_run_into_each_other():
    assert case_code("a", "b1") != case_code("ab", "1")


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=20))
def test_the_database_makes_the_same_codes(pairs):
    texts = [f"{source}{SEPARATOR}{key}" for source, key in pairs]
    sql = f"SELECT {case_code_sql('text')} FROM (SELECT unnest($texts::VARCHAR[]) AS text)"
    with duckdb.connect(":memory:") as connection:
        made = [code for (code,) in connection.execute(sql, {"texts": texts}).fetchall()]
    assert made == [case_code(source, key) for source, key in pairs]


@settings(max_examples=100)
@given(TEXT, st.integers(0, 12), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_found(key, place, other):
    code = case_code("s", key)
    wrong = code[:place] + other + code[place + 1 :]
    assert is_valid(wrong) == (wrong == code)


@settings(max_examples=100)
@given(TEXT, st.integers(0, 11))
def test_two_neighbours_that_changed_places_are_found(key, place):
    code = case_code("s", key)
    a, b = code[place : place + 2]
    swapped = code[:place] + b + a + code[place + 2 :]
    assert is_valid(swapped) == (a == b or {a, b} == {"0", "Z"})


def test_what_has_not_the_form_is_no_code():
    code = case_code("s", "1")
    for wrong in ("", code[:-1], code + "0", code.lower(), code.replace(code[0], "I"), "案" * 13):
        assert not is_valid(wrong)
    assert check_character("0" * 12) == "0"
