"""nginx understands its configuration, and every answer of it keeps to what it promises."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.processes import NEEDED, NGINX, configured, free_port, own_folder

CONFIG = Path(__file__).parent.parent.parent / "deploy" / "nginx.conf"


@pytest.mark.skipif(not Path(NGINX).exists(), reason=NEEDED)
def test_nginx_finds_nothing_wrong(tmp_path: Path):
    config = configured(own_folder(tmp_path / "run"), [8050, 8051], free_port())
    done = subprocess.run(
        [NGINX, "-t", "-c", config, "-p", tmp_path / "run"], capture_output=True, text=True
    )
    assert done.returncode == 0 and "[warn]" not in done.stderr, done.stderr


def directives() -> dict[str, list[str]]:
    """What is said, by the directive that says it; blocks do not matter here."""
    text = re.sub(r"#.*", "", CONFIG.read_text())
    found: dict[str, list[str]] = {}
    for statement in re.split(r"[;{}]", text):
        name, _, words = statement.strip().partition(" ")
        if name:
            found.setdefault(name, []).append(" ".join(words.split()))
    return found


def test_nothing_that_a_visitor_says_of_himself_is_passed_on():
    headers = dict(words.split(" ", 1) for words in directives()["proxy_set_header"])
    assert headers["X-Forwarded-For"] == "$remote_addr"
    assert headers["X-Forwarded-Proto"] == "$scheme"
    for name in ("Forwarded", "X-Real-IP", "X-Forwarded-Host"):
        assert headers[name] == '""'


def test_no_log_holds_an_address():
    (log,) = directives()["log_format"]
    assert not {"$request", "$request_uri", "$uri", "$args", "$query_string", "$http_referer"} & {
        *re.findall(r"\$\w+", log)
    }
    assert all(words.endswith(" crit") for words in directives()["error_log"])


def test_bodies_and_time_are_limited_and_tls_is_of_today():
    said = directives()
    assert said["client_max_body_size"] == ["2m"]
    assert said["ssl_protocols"] == ["TLSv1.2 TLSv1.3"]
    for name in ("client_header_timeout", "client_body_timeout", "send_timeout"):
        assert int(said[name][0].removesuffix("s")) <= 30
    assert said["proxy_request_buffering"] == ["on"]
    assert "non_idempotent" not in said["proxy_next_upstream"][0]
