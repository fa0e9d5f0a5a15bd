"""Passwords are hashed slowly and few at a time, and the ones that everybody tries are refused."""

import string
import threading
import time

import pytest
from argon2 import PasswordHasher, extract_parameters, profiles
from hypothesis import example, given
from hypothesis import strategies as st

from access import passwords
from access.passwords import (
    AT_ONCE,
    FOR_KNOWN,
    LONGEST,
    MOST,
    SHORTEST,
    Busy,
    fits,
    hashed,
    is_outdated,
    made,
    weakness,
)

GOOD = "Xk7#pqr-stuvw"


def test_a_password_is_kept_as_argon2id_of_rfc_9106():
    kept = hashed(GOOD)
    used = extract_parameters(kept)
    assert (used.type.name, used.time_cost, used.memory_cost, used.parallelism) == (
        "ID",
        3,
        64 * 1024,
        4,
    )
    assert GOOD not in kept
    assert (fits(kept, GOOD), fits(kept, GOOD + "."), is_outdated(kept)) == (True, False, False)


@pytest.mark.parametrize("kept", [None, "", "no hash", "$argon2id$v=19$m=8,t=1,p=1$YQ$YQ"])
def test_nothing_fits_what_was_never_a_password(cheap_passwords, kept):
    assert not fits(kept, "") and not fits(kept, GOOD)


@given(password=st.text(max_size=20), other=st.text(max_size=20))
@example(password="ａｂｃ", other="abc")
@example(password="\udc80", other="\udc81")
def test_a_password_fits_its_own_hash_alone(password, other):
    with pytest.MonkeyPatch.context() as patch:
        cheap = PasswordHasher.from_parameters(profiles.CHEAPEST)
        patch.setattr(passwords, "HASHER", cheap)
        kept = hashed(password)
        assert fits(kept, password)
        assert fits(kept, other) == (passwords._bytes(password) == passwords._bytes(other))


def test_not_even_the_password_of_nobody_fits_nobody(cheap_passwords, monkeypatch):
    monkeypatch.setattr(passwords, "_nobodys", lambda hasher: hasher.hash(GOOD))
    assert [fits(kept, GOOD) for kept in (None, "")] == [False, False]


def test_what_is_typed_fullwidth_is_the_same(cheap_passwords):
    assert fits(hashed("Ａｂ１２３４５６ｘ！"), "Ab123456x!")


def test_nobodys_password_takes_as_many_hashes_as_somebodys(cheap_passwords, monkeypatch):
    kept, looked = hashed(GOOD), []
    verify = PasswordHasher.verify
    monkeypatch.setattr(
        PasswordHasher,
        "verify",
        lambda self, *given: looked.append(given[0]) or verify(self, *given),
    )
    counts = []
    for known in (kept, None, kept, None):
        fits(known, "wrong")
        counts.append(len(looked))
    assert counts == [1, 2, 3, 4]
    assert extract_parameters(looked[1]) == extract_parameters(looked[0])


def test_old_parameters_are_told(cheap_passwords, monkeypatch):
    kept = hashed(GOOD)
    assert not is_outdated(kept)
    stronger = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    monkeypatch.setattr(passwords, "HASHER", stronger)
    assert is_outdated(kept) and fits(kept, GOOD)


class Slow:
    """A hasher that waits until it may end, and counts how many are at work."""

    def __init__(self) -> None:
        self.may_end, self.lock = threading.Event(), threading.Lock()
        self.now = self.most = 0

    def hash(self, password):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        assert self.may_end.wait(30)
        with self.lock:
            self.now -= 1
        return "kept"

    def verify(self, kept, password):
        return bool(self.hash(password))


def test_few_are_hashed_at_once_and_few_wait(monkeypatch):
    slow, told = Slow(), []
    monkeypatch.setattr(passwords, "HASHER", slow)

    def ask():
        try:
            told.append(hashed(GOOD))
        except Busy:
            told.append("busy")
            if told.count("busy") == 3:
                slow.may_end.set()

    threads = [threading.Thread(target=ask) for _ in range(MOST + 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(told) == ["busy"] * 3 + ["kept"] * MOST
    assert slow.most == AT_ONCE
    assert hashed(GOOD) == "kept"


def test_however_many_strangers_guess_who_is_known_gets_his_turn(monkeypatch):
    slow, told = Slow(), []
    monkeypatch.setattr(passwords, "HASHER", slow)
    monkeypatch.setattr(passwords, "_nobodys", lambda _: "of nobody")
    all_there = threading.Semaphore(0)

    def ask(is_stranger):
        try:
            told.append((is_stranger, fits("kept", GOOD, is_stranger)))
        except Busy:
            told.append((is_stranger, "busy"))
            all_there.release()

    def started(count, is_stranger):
        begun = [threading.Thread(target=ask, args=(is_stranger,)) for _ in range(count)]
        for thread in begun:
            thread.start()
        return begun

    threads = started(MOST + 3, True)
    for _ in range(FOR_KNOWN + 3):  # are refused while the others wait
        assert all_there.acquire(timeout=30)
    threads += started(FOR_KNOWN + 1, False)
    assert all_there.acquire(timeout=30)
    slow.may_end.set()
    for thread in threads:
        thread.join(30)
    busy = [is_stranger for is_stranger, found in told if found == "busy"]
    assert (busy.count(True), busy.count(False)) == (FOR_KNOWN + 3, 1)
    assert told.count((False, True)) == FOR_KNOWN and slow.most == AT_ONCE
    assert fits("kept", GOOD, True)  # and every place is free again


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("Xk7#pqr-s", "10 到 128"),
        ("Xk7#" * 33, "10 到 128"),
        ("xk7pqrstuvw", "三种"),
        ("Zhangsan1-x", "账号名"),
        ("7-xq-ZHANGSAN-k", "账号名"),
        ("Password123!", "常见"),
        ("P@ssw0rd2026", "常见"),
        ("@dm1n@2026!!", "常见"),
        ("Woaini520!!", "常见"),
        ("1q2w3e4R5T!", "常见"),
        ("aaaaaaaaaaaaaaaaa", "重复"),
        ("Ab1!Ab1!Ab1!", "重复"),
        ("Qwer1234!@#$", "连续"),
        ("!QAZ2wsx#EDC", "连续"),
        ("0123456789abcdefg", "连续"),
    ],
)
def test_what_others_guess_first_is_refused(password, said):
    assert said in (weakness(password, "zhangsan") or "")


@pytest.mark.parametrize(
    "password",
    [
        "Xk7#pqr-st",
        "correct horse battery staple",
        "一句自己才知道的话，至少十六个字。",
        "Xk7#" * 8 + ".",
    ],
)
def test_others_are_not(password):
    assert weakness(password, "zhangsan") is None


def test_a_short_name_may_be_a_part_of_a_word():
    assert weakness("Xk7#li-stuvw", "li") is None


@given(piece=st.text(string.printable, min_size=1, max_size=40), times=st.integers(2, 128))
def test_one_piece_again_and_again_is_never_enough(piece, times):
    assert weakness((piece * times)[:LONGEST], "zhangsan") is not None


@given(start=st.integers(33, 100), length=st.integers(0, 140), step=st.sampled_from([-1, 0, 1]))
def test_a_row_of_characters_is_never_enough(start, length, step):
    row = "".join(chr(start + step * at) for at in range(length) if 33 <= start + step * at < 127)
    assert weakness(row, "zhangsan") is not None


@given(password=st.text(max_size=SHORTEST - 1) | st.text(min_size=LONGEST + 1, max_size=200))
def test_its_length_is_bounded(password):
    assert weakness(password, "zhangsan") is not None


def test_what_is_made_here_is_good_and_never_the_same():
    drawn = [made() for _ in range(500)]
    assert {weakness(each, "zhangsan") for each in drawn} == {None}
    assert len(set(drawn)) == len(drawn)


def test_a_weakness_is_found_fast_in_whatever_is_sent():
    began = time.process_time()
    for hostile in ("ab" * 64, "a" * 127 + "b", "@" * 128, "1q" * 64, "a" * 10_000_000):
        weakness(hostile, "a" * 40)
    assert time.process_time() - began < 2
