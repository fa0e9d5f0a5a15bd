"""A machine without internet: the folder of `make wheelhouse` is all that it needs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
INSTALL = ROOT / "tools" / "offline" / "install.sh"
NOWHERE = "http://127.0.0.1:9"  # for who would ask for the internet all the same
# In a network of its own even loopback is down: this takes it up (SIOCSIFFLAGS, IFF_UP).
LOOPBACK = """
import fcntl, socket, struct
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh", b"lo", 0x41))
"""
READY = """
import json, subprocess, sys, time, urllib.request
app = subprocess.Popen([sys.executable, "app.py", "--home", "home", "--port", "8177"])
try:
    for _ in range(600):
        try:
            with urllib.request.urlopen("http://127.0.0.1:8177/readyz", timeout=5) as reply:
                print(reply.status, json.load(reply)["is_ready"])
                break
        except urllib.error.URLError:
            assert app.poll() is None
            time.sleep(0.1)
finally:
    app.terminate()
    app.wait(20)
"""


def may_unshare() -> bool:
    """Whether we may give a program a network of its own."""
    program = shutil.which("unshare")
    return (
        bool(program)
        and subprocess.run([program, "-n", "true"], capture_output=True).returncode == 0
    )


def offline(script: str, folder: Path) -> subprocess.CompletedProcess:
    """Run a shell script where no other machine can be reached."""
    cut_off = ["unshare", "-n"] if may_unshare() else []
    dead = {name: NOWHERE for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    env = {**kept, **dead, "no_proxy": "127.0.0.1", "PIP_CONFIG_FILE": os.devnull}
    words = [*cut_off, "bash", "-euc", script]
    return subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True)


@pytest.mark.soak
def test_a_centre_is_installed_and_served_without_network(tmp_path: Path):
    house, target = tmp_path / "house", tmp_path / "zhinao"
    gathered = subprocess.run(
        [ROOT / "tools" / "wheelhouse.sh", house],
        env=os.environ | {"PYTHON": sys.executable},
        capture_output=True,
        text=True,
    )
    assert gathered.returncode == 0, gathered.stderr
    (tmp_path / "loopback.py").write_text(LOOPBACK)
    (tmp_path / "ready.py").write_text(READY)
    up = f"python3 {tmp_path}/loopback.py" if may_unshare() else "true"
    done = offline(
        f"""
        {up}
        ! python3 -c "import socket; socket.create_connection(('192.0.2.1', 80), 2)" 2>/dev/null
        {house}/install.sh {target}
        cd {target}
        .venv/bin/python -m etl demo --home home --cases 200 --days 30
        .venv/bin/python -m etl check --home home
        .venv/bin/python {tmp_path}/ready.py
        """,
        tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "200 True" in done.stdout and "全部相符" in done.stdout


def house_of(folder: Path) -> Path:
    """What a wheelhouse looks like, with nothing in it."""
    (folder / "wheels").mkdir(parents=True)
    (folder / "wheels" / "a.whl").write_text("a")
    shutil.copy(INSTALL, folder / "install.sh")
    subprocess.run(
        "sha256sum wheels/a.whl install.sh >SHA256SUMS", shell=True, cwd=folder, check=True
    )
    return folder


def put_in(house: Path, program: dict[str, str]) -> None:
    """A program of these files, as version 9.0."""
    (house / "zhinao").mkdir()
    for name, text in program.items():
        (house / "zhinao" / name).write_text(text)
    script = """
        tar --remove-files -czf zhinao-9.0.tar.gz zhinao
        sha256sum wheels/a.whl install.sh zhinao-9.0.tar.gz >SHA256SUMS
    """
    subprocess.run(script, shell=True, cwd=house, check=True)


def installed(house: Path, target: Path) -> subprocess.CompletedProcess:
    env = os.environ | {"PYTHON": sys.executable}
    return subprocess.run([house / "install.sh", target], capture_output=True, text=True, env=env)


def test_a_folder_that_was_damaged_on_its_way_is_not_installed(tmp_path: Path):
    house = house_of(tmp_path / "house")
    (house / "wheels" / "a.whl").write_text("b")
    done = installed(house, tmp_path / "zhinao")
    assert done.returncode == 1 and "文件不完整或被改动" in done.stderr
    assert not (tmp_path / "zhinao").exists()


def test_nothing_is_installed_over_what_is_there(tmp_path: Path):
    house = house_of(tmp_path / "house")
    (tmp_path / "zhinao").mkdir()
    (tmp_path / "zhinao" / "app.py").write_text("mine")
    done = installed(house, tmp_path / "zhinao")
    assert done.returncode == 1 and "不是空的" in done.stderr
    assert (tmp_path / "zhinao" / "app.py").read_text() == "mine"


def test_wheels_are_not_mixed_with_older_ones(tmp_path: Path):
    house = house_of(tmp_path / "house")
    script = ROOT / "tools" / "wheelhouse.sh"
    env = os.environ | {"PYTHON": sys.executable}
    done = subprocess.run([script, house], capture_output=True, text=True, env=env)
    assert done.returncode == 1 and "不是空的" in done.stderr


def test_what_fails_leaves_nothing_so_that_it_can_be_tried_again(tmp_path: Path):
    house = house_of(tmp_path / "house")
    put_in(house, {"requirements.txt": "missing==1.0\n"})
    done = installed(house, tmp_path / "there")
    assert done.returncode == 1 and "没有装成" in done.stderr and "missing" in done.stderr
    assert [*(tmp_path / "there").iterdir()] == []


def test_a_stick_that_knows_no_rights_and_a_strict_umask_do_no_harm(tmp_path: Path):
    house = house_of(tmp_path / "house")
    put_in(house, {"requirements.txt": "", "app.py": ""})
    (house / "install.sh").chmod(0o644)
    target = tmp_path / "opt" / "zhinao-9.0"
    env = os.environ | {"PYTHON": sys.executable}
    words = ["bash", "-c", f"umask 077; bash {house}/install.sh {target}"]
    done = subprocess.run(words, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    assert target.stat().st_mode & 0o005 == 0o005 and (target / "app.py").stat().st_mode & 0o004
    assert [*(target / "__pycache__").glob("app.*.pyc")]  # the service may not write here
    assert f"{target}/deploy/service.sh" in done.stdout
