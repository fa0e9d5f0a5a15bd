"""The commands of `python -m dispatch`."""

import os
import signal
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer

from access.operations import Operations, OperationsError
from data import logs
from data.declaration import DeclarationError
from data.site import load_site
from dispatch.alerts import LiveAlerts
from dispatch.listeners import Listeners
from dispatch.sensors import BY, Broker, Sensors, subscribe

DEFAULT_PORTS = {False: 1883, True: 8883}  # plain, TLS

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def main() -> None:
    """人和设备所做的事。"""


@app.command()
def sensors(
    broker: Annotated[
        str, typer.Option(help="MQTT 代理，HOST 或 HOST:PORT", envvar="ZHINAO_MQTT_BROKER")
    ],
    home: Annotated[Path, typer.Option(help="数据目录", envvar="ZHINAO_HOME")] = Path("var"),
    site: Annotated[
        Path | None, typer.Option(help="站点声明目录；缺省为数据目录所装载的", envvar="ZHINAO_SITE")
    ] = None,
    client_id: Annotated[
        str | None, typer.Option(help="在代理上的会话名，须保持不变；缺省 zhinao-站点")
    ] = None,
) -> None:
    """接收感知设备的读数，按站点的阈值形成预警；Ctrl-C 结束。

    用户名、口令和 TLS 写在环境变量中：ZHINAO_MQTT_USER、ZHINAO_MQTT_PASSWORD，
    ZHINAO_MQTT_TLS=1（用系统的根证书）或 ZHINAO_MQTT_CA=根证书文件。
    """
    logs.configure()
    try:
        declared = load_site(site or _site_of(home))
        if not declared.alerts.sensors:
            raise DeclarationError(
                f"站点 {declared.name} 没有声明感知设备；请写 [[alerts.sensors]]"
            )
        operations = Operations(home)
        source = _broker(broker, client_id or f"zhinao-{declared.name}")
    except (DeclarationError, OperationsError) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
    readings = Sensors(LiveAlerts(operations), declared.alerts, declared.tzinfo)
    listeners = Listeners(operations)
    subscribe(source, readings, _stop_at_signals(), lambda: listeners.note(BY, datetime.now(UTC)))


def _broker(address: str, client_id: str) -> Broker:
    ca_file = os.environ.get("ZHINAO_MQTT_CA")
    is_tls = bool(ca_file) or os.environ.get("ZHINAO_MQTT_TLS") == "1"
    host, _, port = address.rpartition(":") if ":" in address else (address, "", "")
    if not host or (port and not port.isdecimal()):
        raise typer.BadParameter(f"{address!r} 不行；应为 HOST 或 HOST:PORT，如 10.0.0.5:1883")
    return Broker(
        host,
        int(port) if port else DEFAULT_PORTS[is_tls],
        client_id,
        user=os.environ.get("ZHINAO_MQTT_USER"),
        password=os.environ.get("ZHINAO_MQTT_PASSWORD"),
        is_tls=is_tls,
        ca_file=ca_file,
    )


def _site_of(home: Path) -> Path:
    """The site folder that the last run in this home loaded."""
    try:
        return Path(orjson.loads((home / "origin.json").read_bytes())["site"])
    except (OSError, ValueError, KeyError):
        raise DeclarationError(f"{home}：这里还没有装载过数据；请给出 --site 站点目录") from None


def _stop_at_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


if __name__ == "__main__":
    os.umask(0o077)  # what lies in a home is its owner's alone
    app()
