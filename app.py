"""Puts the screen together and serves it: `build` makes the app, `server` is the WSGI object."""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from dash import Dash
from flask_caching import Cache

import callbacks
from access.accounts import Accounts
from access.attempts import MOST_OF_ADDRESS
from access.audit import Audit
from access.devices import Devices
from access.identity_provider import IdentityProvider, Registration
from access.operations import FAILURES, Operations, OperationsError
from access.roles import Power
from access.sessions import Sessions
from access.sign_in import SignIn
from callbacks.answer import Answers
from callbacks.services import Facts, Services
from data.editions.edition import EditionError
from data.editions.store import EditionStore
from data.runs import RunLog
from data.scope import Grant
from data.wall_view import WallView
from dispatch.alerts import LiveAlerts
from dispatch.listeners import Listeners
from dispatch.walls import Walls
from layouts.forms import STYLE, form
from layouts.frame import frame
from layouts.measures import MEASURES
from layouts.scenes import SCENES
from layouts.shell import Reader, shell
from layouts.theme import css_variables
from routes import (
    alerts,
    bodies,
    bundles,
    case_pages,
    connections,
    export,
    gate,
    geometry,
    headers,
    health,
    heartbeat,
    incident,
    live,
    metrics,
    own_account,
    request_log,
    sign_in,
    single_sign_on,
    status,
    walls,
)
from routes import devices as devices_routes
from routes.devices import Visitors
from routes.fingerprint import fingerprint
from routes.gate import Gate
from routes.server import server_on, trust_proxies
from routes.sign_in import Doors

ROOT = Path(__file__).parent
NAME = "智脑"
ANSWERS_KEPT = 2000
SIGN_INS = "ZHINAO_SIGN_INS"  # tries a minute that one address has: an office may share one
STANDING = "alerts_standing"  # a measurement
PROBE = "zhinao-status"  # a key of the cache


def build(store: EditionStore) -> Dash:
    """The app over one home."""
    request_log.configure()
    app = Dash(
        __name__,
        title=NAME,
        update_title="",
        use_pages=True,
        pages_folder=str(ROOT / "layouts" / "pages"),
        assets_folder=str(ROOT / "layouts" / "assets"),
        include_pages_meta=False,
        index_string=frame(),
        enable_mcp=False,
        serve_locally=True,
        suppress_callback_exceptions=True,  # every page has its own part of the ids
        add_log_handler=False,
    )
    app.layout = lambda: shell(*_named(store), _reader(store))
    trust_proxies(app.server)
    measured = metrics.Metrics()
    request_log.register(app.server)  # before all that refuses: what is refused counts as well
    measured.time_requests(app)
    cache = metrics.CountedCache(app.server, _cache_config(), measured.registry)
    made = fingerprint(ROOT)
    operations = Operations(store.home)
    with suppress(*FAILURES):  # one that is away keeps nothing from starting
        operations.prepare()
    known = Known(operations)
    # First: whoever is refused is asked nothing more.
    refused = partial(_refused, store)
    gate.register(app.server, Gate(known.visitors, known.sessions), app.callback_map, refused)
    _register_people(app, store, known)
    moving, store_answers = _register_operations(app, store, operations, known, measured)
    bodies.register(app)
    bundles.register(app.server)
    headers.register(app.server, lambda: list(app.csp_hashes()))
    geometry.register(app.server, store)
    told = heartbeat.Heartbeat(store, RunLog(store.home), made, moving)
    heartbeat.register(app.server, told)
    health.register(app.server, told.latest, store_answers)
    metrics.register(app.server, measured, told.latest)
    standing = measured.counts[STANDING][1]
    running = status.Status(store, operations, lambda: _keeps(cache), standing)
    status.register(app.server, running)
    answers = Answers(store, cache, gate.grant, made, who=gate.actor)
    callbacks.register(app, known.services(answers, running.facts))
    return app


def _keeps(cache: Cache) -> bool:
    """Whether what is put into the cache is there; it may be another machine's."""
    try:
        cache.cache.set(PROBE, 1, timeout=10)
        return cache.cache.get(PROBE) == 1
    except Exception:  # whatever the library of the cache raises
        return False


class Known:
    """Who is known to one home: people by their accounts, devices by their tokens."""

    def __init__(self, operations: Operations) -> None:
        self.accounts, self.devices = Accounts(operations), Devices(operations)
        rate = int(os.environ.get(SIGN_INS) or MOST_OF_ADDRESS)
        self.sessions = Sessions(operations)
        self.sign_in = SignIn(operations, self.sessions, rate)
        self.visitors, self.audit = Visitors(self.devices), Audit(operations)

    def services(self, answers: Answers, facts: Facts) -> Services:
        """What the callbacks need of it."""
        own = (self.accounts, self.devices, self.sessions, self.sign_in, self.audit)
        return Services(answers, gate.viewer_of_request, *own, facts)


def _register_people(app: Dash, store: EditionStore, known: Known) -> None:
    single = Registration.of_environment()
    button = single.name if single else None
    doors = Doors(store, known.accounts, known.sessions, known.sign_in, form, STYLE, button)
    sign_in.register(app.server, doors)
    if single:
        single_sign_on.register(app.server, doors, IdentityProvider(single))
    own_account.register(app.server, doors)
    export.register(app.server, store, known.audit)
    case_pages.register(app.server, store, partial(_refused, store))


def _refused(store: EditionStore, title: str, reason: str) -> str:
    """A page that says why something is not shown."""
    return form("refused", **sign_in.frame(store), told=title, reason=reason)


def _register_operations(
    app: Dash,
    store: EditionStore,
    operations: Operations,
    known: Known,
    measured: metrics.Metrics,
) -> tuple[dict[str, Callable[[Grant], int]], Callable[[], bool]]:
    """What devices and people do; the numbers that grow when a wall must look anew, and whether
    the store answers."""
    live_alerts, told = LiveAlerts(operations), Walls(operations)
    devices_routes.register(app.server, known.visitors)
    alerts.register(app.server, live_alerts, known.devices)
    standing = live.Live(store, live_alerts, is_any_lost=Listeners(operations).is_any_lost)
    live.register(app.server, standing, known.audit)
    incident.register(app.server, store, standing)
    pages, colours = ROOT / "layouts" / "remote", css_variables()
    shown = (_choices(), pages, colours)
    walls.register(app.server, store, told, known.devices, known.audit, *shown)
    measured.count_errors(operations.engine)
    running = known.sessions.all
    measured.counts["sessions_running"] = ("Sessions", lambda: len(running(datetime.now(UTC))))
    measured.counts[STANDING] = ("Alerts standing", lambda: len(standing.shown().rows))
    probe = health.Probe(live_alerts.sequence)
    return {"walls": lambda _: told.sequence(), "live": standing.number}, probe.answers


def _choices() -> dict[str, list[dict[str, str]]]:
    """What a remote control can choose from, beside the regions."""
    return {
        "scenes": [{"key": scene.key, "name": scene.name} for scene in SCENES.values()],
        "measures": [{"key": key, "name": name} for key, name in MEASURES.items()],
    }


def serve(
    home: Annotated[Path, typer.Option(envvar="ZHINAO_HOME", help="数据目录")] = Path("var"),
    host: Annotated[str, typer.Option(envvar="HOST", help="监听地址")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="PORT", help="端口", min=0, max=65535)] = 8050,
) -> None:
    """大屏服务。"""
    connections.allow()
    store = EditionStore(home)
    try:
        waiting = server_on(build(store).server, host, port)
    except OSError as error:
        print(f"不能在 {host}:{port} 提供服务：{error.strerror}；请换 --port", file=sys.stderr)
        raise typer.Exit(1) from None
    except OperationsError as error:
        print(f"失败：{error}", file=sys.stderr)
        raise typer.Exit(1) from None
    print(f"{NAME}：http://{host}:{waiting.effective_port}", flush=True)
    if store.current() is None:
        print(f"{home}：还没有数据，页面等待首批数据；装载：python -m etl run", flush=True)
    waiting.run()


def _reader(store: EditionStore) -> Reader:
    """Whoever asks for the page."""
    viewer = gate.viewer_or_none()
    if viewer is None:  # a screen that is refused, and says so
        return Reader(frozenset({Power.FIGURES}))
    account = viewer.account
    if account is None:
        return Reader(viewer.powers)
    words = [account.shown, viewer.shown]
    if account.regions or account.departments:
        words.append(sign_in.within(store, account))
    return Reader(viewer.powers, " · ".join(words))


def _named(store: EditionStore) -> tuple[str, bool, str]:
    """The centre's title, whether its data are made up, and how its wall behaves."""
    try:
        with store.reading() as edition:
            site = edition.site
            return site.title, site.is_demo, site.wall.model_dump_json()
    except EditionError:
        return NAME, False, WallView().model_dump_json()


def _cache_config() -> dict[str, Any]:
    """By default a cache of this process; CACHE_TYPE and CACHE_REDIS_URL move it elsewhere."""
    config = {"CACHE_TYPE": "SimpleCache", "CACHE_THRESHOLD": ANSWERS_KEPT}
    return config | {key: value for key, value in os.environ.items() if key.startswith("CACHE_")}


def __getattr__(name: str) -> Any:
    """`app:server` for gunicorn or granian, made when it is first asked for."""
    if name != "server":
        raise AttributeError(name)
    globals()["server"] = build(EditionStore(Path(os.environ.get("ZHINAO_HOME", "var")))).server
    return globals()["server"]


if __name__ == "__main__":
    os.umask(0o077)  # what lies in a home is its owner's alone
    typer.run(serve)
