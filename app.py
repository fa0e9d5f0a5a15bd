"""Puts the screen together and serves it: `build` makes the app, `server` is the WSGI object."""

import hashlib
import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import plotly
import typer
from dash import Dash
from dash.fingerprint import build_fingerprint
from flask import Flask
from waitress.server import create_server
from werkzeug.middleware.proxy_fix import ProxyFix

import callbacks
from access.devices import Devices
from access.operations import FAILURES, Operations, OperationsError
from callbacks.answer import Answers
from data.editions.edition import EditionError
from data.editions.store import EditionStore
from data.runs import RunLog
from data.scope import Grant
from data.wall_view import WallView
from dispatch.alerts import LiveAlerts
from dispatch.listeners import Listeners
from dispatch.walls import Walls
from layouts.measures import MEASURES
from layouts.scenes import SCENES
from layouts.shell import shell
from layouts.theme import css_variables
from routes import (
    alerts,
    bodies,
    bundles,
    connections,
    geometry,
    headers,
    health,
    heartbeat,
    incident,
    live,
    metrics,
    request_log,
    walls,
)
from routes import devices as devices_routes
from routes.devices import Visitors

ROOT = Path(__file__).parent
NAME = "智脑"
ANSWERS_KEPT = 2000
INDEX = """<!DOCTYPE html>
<html lang="zh-CN">
<head>
{%metas%}
<title>{%title%}</title>
<meta name="plotly" content="{plotly}">
{%favicon%}
<style>{variables}</style>
{%css%}
</head>
<body>
{%app_entry%}
<footer hidden>{%config%}{%scripts%}{%renderer%}</footer>
</body>
</html>"""


def build(store: EditionStore, grant: Callable[[], Grant] = devices_routes.grant) -> Dash:
    """The app over one home; `grant` says what the viewer of the present request may see."""
    request_log.configure()
    app = Dash(
        __name__,
        title=NAME,
        update_title="",
        use_pages=True,
        pages_folder=str(ROOT / "layouts" / "pages"),
        assets_folder=str(ROOT / "layouts" / "assets"),
        include_pages_meta=False,
        index_string=_index(),
        enable_mcp=False,
        serve_locally=True,
        suppress_callback_exceptions=True,  # every page has its own part of the ids
        add_log_handler=False,
    )
    app.layout = lambda: shell(*_named(store))
    _trust_proxies(app.server)
    measured = metrics.Metrics()
    request_log.register(app.server)  # before all that refuses: what is refused counts as well
    measured.time_requests(app)
    cache = metrics.CountedCache(app.server, _cache_config(), measured.registry)
    made = fingerprint()
    callbacks.register(app, Answers(store, cache, grant, made))
    # First: whoever is refused is asked nothing more.
    moving, store_answers = _register_operations(app, store, measured)
    bodies.register(app)
    bundles.register(app.server)
    headers.register(app.server, lambda: list(app.csp_hashes()))
    geometry.register(app.server, store)
    told = heartbeat.Heartbeat(store, RunLog(store.home), made, moving)
    heartbeat.register(app.server, told)
    health.register(app.server, told.latest, store_answers)
    metrics.register(app.server, measured, told.latest)
    return app


def _register_operations(
    app: Dash, store: EditionStore, measured: metrics.Metrics
) -> tuple[dict[str, Callable[[], int]], Callable[[], bool]]:
    """What devices and people do; the numbers that grow when a wall must look anew, and whether
    the store answers."""
    operations = Operations(store.home)
    with suppress(*FAILURES):  # one that is away keeps nothing from starting
        operations.prepare()
    devices, live_alerts, told = Devices(operations), LiveAlerts(operations), Walls(operations)
    visitors = Visitors(devices)
    devices_routes.register(app.server, visitors)
    alerts.register(app.server, live_alerts, devices)
    standing = live.Live(store, live_alerts, is_any_lost=Listeners(operations).is_any_lost)
    live.register(app.server, standing, visitors)
    incident.register(app.server, store, standing)
    pages, colours = ROOT / "layouts" / "remote", css_variables()
    walls.register(app.server, store, told, devices, visitors, _choices(), pages, colours)
    measured.count_errors(operations.engine)
    measured.counts["alerts_standing"] = ("Alerts standing", lambda: len(standing.shown().rows))
    probe = health.Probe(live_alerts.sequence)
    return {"walls": told.sequence, "live": standing.number}, probe.answers


def _choices() -> dict[str, list[dict[str, str]]]:
    """What a remote control can choose from, beside the regions."""
    return {
        "scenes": [{"key": scene.key, "name": scene.name} for scene in SCENES.values()],
        "measures": [{"key": key, "name": name} for key, name in MEASURES.items()],
    }


def fingerprint() -> str:
    """A hash of everything that makes a page: an open page with another one reloads itself."""
    digest = hashlib.sha256()
    for folder in ("layouts", "callbacks", "routes", "data", "geo", "rules", "dispatch"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in {".py", ".css", ".js", ".json", ".csv"}:
                digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def serve(
    home: Annotated[Path, typer.Option(envvar="ZHINAO_HOME", help="数据目录")] = Path("var"),
    host: Annotated[str, typer.Option(envvar="HOST", help="监听地址")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="PORT", help="端口", min=0, max=65535)] = 8050,
) -> None:
    """大屏服务。"""
    connections.allow()
    store = EditionStore(home)
    try:
        waiting = server_on(build(store), host, port)
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


def server_on(app: Dash, host: str, port: int) -> Any:
    """A waitress server that has bound its port (0 = any free one) and waits for `run`."""
    # A hundred walls queue for a moment after each edition; that is no line each in the log.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    sockets: dict = {}
    server = create_server(
        app.server,
        map=sockets,
        host=host,
        port=port,
        ident=None,
        threads=16,
        connection_limit=connections.MOST,  # the default of 100 lets viewers wait for ten seconds
        asyncore_use_poll=True,  # select() ends the server at its 1,024th connection
        max_request_body_size=2 * bodies.LARGEST,  # else 1 GB is taken in before we are asked
        channel_timeout=20,  # a half-sent request must not hold its place for long
        clear_untrusted_proxy_headers=False,  # who is to be trusted _trust_proxies says
    )
    connections.keep(sockets)
    return server


def _trust_proxies(server: Flask) -> None:
    """Believe what so many proxies before us say of visitors; by default nobody, for a visitor can
    say it too."""
    proxies = int(os.environ.get("ZHINAO_PROXIES") or 0)
    if proxies:
        server.wsgi_app = ProxyFix(server.wsgi_app, x_for=proxies, x_proto=proxies)


def _index() -> str:
    """The page's frame. Dash would fetch plotly under an address without a fingerprint, which
    browsers may not keep; assets/plotly_late.js fetches it under one that has it, once."""
    bundle = "package_data/plotly.min.js"
    modified = int((Path(plotly.__file__).parent / bundle).stat().st_mtime)
    name = build_fingerprint(bundle, plotly.__version__, modified)
    index = INDEX.replace("{variables}", css_variables())
    return index.replace("{plotly}", f"/_dash-component-suites/plotly/{name}")


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
    typer.run(serve)
