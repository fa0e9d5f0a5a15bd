"""A PostgreSQL cluster of the tests' own, on loopback, from what Debian installs."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = Path("/usr/lib/postgresql")
NEEDED = "postgresql 没有安装（apt-get install postgresql）"


def programs() -> Path | None:
    """The folder of the newest PostgreSQL installed; None where there is none."""
    found = sorted(PROGRAMS.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


@contextmanager
def cluster() -> Iterator[str]:
    """The address of an empty database that ends with the block."""
    folder = programs()
    assert folder is not None
    # Not in tmp_path: only its owner may look into that, and PostgreSQL refuses to be root.
    home = Path(tempfile.mkdtemp(prefix="zhinao-postgres-"))
    owner = _owner()
    if owner:
        shutil.chown(home, owner)
    data, port = home / "data", _free_port()

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [str(folder / program), "-D", str(data), *arguments],
            check=True,
            user=owner,
            cwd=home,
            stdout=subprocess.DEVNULL,
        )

    try:
        run("initdb", "--auth=trust", "--username=zhinao", "--encoding=UTF8", "--locale=C.UTF-8")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
        run("pg_ctl", "-w", "-l", str(home / "log"), "-o", options, "start")
        try:
            yield f"postgresql://zhinao@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _owner() -> str | None:
    if os.geteuid() != 0:
        return None
    names = {user.pw_name for user in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
