"""Somebody guesses: passwords, from one address or many, one after the other or all at once; and
codes of cases that are not theirs."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from access.attempts import MOST_IN_A_ROW, MOST_OF_ADDRESS
from access.audit import Audit
from access.policy import policy_of
from data.cases import cases_behind
from data.scope import Grant, Scope
from layouts.case_view import NOT_THERE
from routes.gate import SESSION
from routes.sign_in import KNOWN
from tests.attacks.house import Target, codes
from tests.attacks.test_injection import within
from tests.people import PASSWORD
from tests.routes.test_bodies import PATH
from tests.routes.test_gate import LIMITS, shown


def guess(target: Target, name: str, password: str, address: str, **headers: str):
    client = target.server.test_client(use_cookies=False)  # the header goes as it is written
    given = {"name": name, "password": password}
    asked = {"headers": headers, "environ_base": {"REMOTE_ADDR": address}}
    return client.post("/sign-in", data=given, **asked)


def test_many_guesses_at_once_from_many_addresses_are_five(target: Target):
    def one(number: int) -> int:
        return guess(target, "leader", f"wrong {number}", f"203.0.113.{number}").status_code

    with ThreadPoolExecutor(8) as pool:
        found = Counter(pool.map(one, range(1, 25)))
    assert set(found) <= {401, 429} and 1 <= found[401] <= MOST_IN_A_ROW
    right = guess(target, "leader", PASSWORD, "203.0.113.99")
    assert right.status_code == 429 and SESSION not in str(right.headers)
    noted = [kept.entry for kept in Audit(target.operations).entries(limit=60)]
    assert ("account.lock", "leader") in [(each.action, each.subject) for each in noted]


def test_who_guesses_from_everywhere_locks_out_nobody_who_was_here_before(target: Target):
    """All day long, with cookies of all kinds that are not the owner's."""
    owner, thief = target.server.test_client(), target.server.test_client()
    for client, name, place in ((owner, "supervisor", 240), (thief, "caller", 241)):
        asked = {"environ_base": {"REMOTE_ADDR": f"203.0.113.{place}"}}
        given = {"name": name, "password": PASSWORD}
        assert client.post("/sign-in", data=given, **asked).status_code == 303
    others = thief.get_cookie(KNOWN, path="/sign-in").value  # type: ignore[union-attr]
    day, nonce, mac = others.split(".")
    found = Counter(
        guess(
            target, "supervisor", f"wrong {number}", f"198.51.100.{number}", Cookie=cookie
        ).status_code
        for number, cookie in enumerate(
            [
                "",
                f"{KNOWN}={others}",
                f"{KNOWN}={day}.{nonce}.{'0' * 64}",
                f"{KNOWN}={day}.{'A' * 22}.{mac}",
                f"{KNOWN}={int(day) + 1}.{nonce}.{mac}",
                f'{KNOWN}="{"~" * 700}"',
                f"{KNOWN}={others}; {KNOWN}={others}",
                f"{SESSION}=x",
            ]
        )
    )
    assert found == {401: MOST_IN_A_ROW, 429: 8 - MOST_IN_A_ROW}
    own = owner.get_cookie(KNOWN, path="/sign-in").value  # type: ignore[union-attr]
    for kept, status in ((f"{KNOWN}={others}", 429), (f"{KNOWN}={own}", 303)):
        reply = guess(target, "supervisor", PASSWORD, "198.51.100.99", Cookie=kept)
        assert reply.status_code == status
    audit = repr(Audit(target.operations).entries(limit=60))
    assert nonce not in audit and mac not in audit


def test_an_address_does_not_get_round_its_share_by_what_it_says_of_itself(target: Target):
    found = Counter(
        guess(
            target,
            f"nobody{number}",
            "wrong",
            "203.0.113.200",
            **{
                "X-Forwarded-For": f"192.0.2.{number}",
                "X-Real-IP": f"192.0.2.{number}",
                "Forwarded": f"for=192.0.2.{number}",
            },
        ).status_code
        for number in range(2 * MOST_OF_ADDRESS)
    )
    assert found == {401: MOST_OF_ADDRESS, 429: MOST_OF_ADDRESS}


def test_an_unknown_name_looks_like_a_known_one(target: Target):
    replies = [
        guess(target, name, "wrong", f"203.0.113.{place}")
        for place, name in ((210, "deputy"), (211, "no-such-name"))
    ]
    told = [reply.text.replace("deputy", "?").replace("no-such-name", "?") for reply in replies]
    assert told[0] == told[1] and {reply.status_code for reply in replies} == {401}


def others(target: Target, role: str) -> str:
    """The code of a case that the account of the role may not see."""
    with target.store.reading() as edition:
        every = set(cases_behind(edition, Scope(), Grant.full(), None)["case_code"])
    return min(every - within(target, role))


@pytest.mark.parametrize("role", [*LIMITS, "department"])
def test_a_case_of_others_is_as_if_it_were_not(target: Target, role: str):
    client, hidden = target.signed(role), others(target, role)
    replies = [client.get(f"/case/{code}") for code in (hidden, "C999999999999")]
    assert {reply.status_code for reply in replies} == {404}
    assert replies[0].data == replies[1].data
    headers = [
        {k: v for k, v in reply.headers.items() if k not in ("X-Request-Id", "Date", "Set-Cookie")}
        for reply in replies
    ]
    assert headers[0] == headers[1]
    mine = min(within(target, role))
    assert client.get(f"/case/{mine}").status_code == 200


@pytest.mark.parametrize("role", [*LIMITS, "department"])
def test_no_callback_says_that_a_case_of_others_is_there(target: Target, role: str):
    """Its code as the value of every input of every callback."""
    client, hidden = target.signed(role), others(target, role)
    headers, denials = shown(client), 0
    for output, body in target.bodies.items():
        policy = policy_of(target.app.callback_map[output]["callback"])
        if policy is None or policy.powers.isdisjoint(target.accounts.of(role).powers):  # type: ignore[union-attr]
            continue
        told = []
        for code in (hidden, "C999999999999"):
            parts = {
                name: [
                    part | {"value": code} if isinstance(part, dict) else part
                    for part in body[name]
                ]
                for name in ("inputs", "state")
            }
            reply = client.post(PATH, json=body | parts, headers=headers)
            told.append((reply.status_code, reply.text.replace(code, "?")))
            assert codes(reply.text) <= within(target, role) | {code}
        assert told[0] == told[1], output
        denials += NOT_THERE in str(json.loads(told[0][1] or "0"))
    assert denials
