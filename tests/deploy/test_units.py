"""systemd understands the units, and what they start is there."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "deploy"
INSTALLED = "/opt/zhinao"
UNITS = sorted(path.name for path in DEPLOY.glob("*.service"))
ONCE = {"zhinao-backup.service"}  # started by its timer
OF_THE_SCREEN = {"zhinao-kiosk.service"}  # X needs devices and the rights to them
HARDENED = sorted({*UNITS} - OF_THE_SCREEN)


def test_there_is_a_unit_for_each_process_of_a_centre():
    assert UNITS == [
        "zhinao-backup.service",
        "zhinao-kiosk.service",
        "zhinao-sensors.service",
        "zhinao-watch.service",
        "zhinao.service",
    ]


def test_what_is_set_up_and_called_for_the_service_is_there():
    setup, command = (DEPLOY / "service.sh").read_text(), (DEPLOY / "zhinao.sh").read_text()
    (ours,) = re.findall(r"^ours=\((.+)\)$", setup, re.MULTILINE)
    assert sorted(f"{name}.service" for name in ours.split()) == HARDENED
    (packages,) = re.findall(r"^ +(.+) \| upkeep\) ;;$", command, re.MULTILINE)
    for package in [*packages.split(" | "), "upkeep"]:
        assert (ROOT / package / "__main__.py").exists(), package
    for script in (*DEPLOY.glob("*.sh"), *(ROOT / "tools").rglob("*.sh")):
        assert subprocess.run(["bash", "-n", script]).returncode == 0, script


@pytest.mark.parametrize("name", HARDENED)
def test_the_home_can_be_replaced_where_it_lies(name: str):
    """A restore moves it aside: it must not itself be the folder that systemd made."""
    lines = (DEPLOY / name).read_text().splitlines()
    assert "StateDirectory=zhinao" in lines
    assert "Environment=ZHINAO_HOME=/var/lib/zhinao/home" in lines
    assert "ZHINAO_HOME=/var/lib/zhinao/home" in (DEPLOY / "zhinao.env.example").read_text()


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_restarts_what_it_starts_and_starts_what_is_there(name: str):
    lines = (DEPLOY / name).read_text().splitlines()
    assert ("Type=oneshot" if name in ONCE else "Restart=always") in lines
    command = next(line for line in lines if line.startswith("ExecStart="))
    of_ours = [part for part in command.split() if INSTALLED in part and ".venv" not in part]
    for part in of_ours:
        assert (ROOT / part.split(f"{INSTALLED}/")[1]).exists(), part
    if " -m " not in command and not of_ours:
        assert (ROOT / command.split()[-1]).exists()


@pytest.mark.parametrize("name", HARDENED)
def test_a_unit_has_no_more_rights_than_it_needs(name: str):
    lines = (DEPLOY / name).read_text().splitlines()
    wanted = ("NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes")
    wanted += ("PrivateDevices=yes", "CapabilityBoundingSet=", "SystemCallFilter=@system-service")
    wanted += ("RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX", "UMask=0077", "User=zhinao")
    assert [each for each in wanted if each not in lines] == []


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
@pytest.mark.parametrize("name", HARDENED)
def test_systemd_thinks_a_unit_well_guarded(name: str):
    """Its own score: 10 is open to everything, 9.6 what a plain unit has."""
    checked = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=25", DEPLOY / name],
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout.splitlines()[-1]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_the_backup_is_made_every_night():
    timer = (DEPLOY / "zhinao-backup.timer").read_text()
    (when,) = [line for line in timer.splitlines() if line.startswith("OnCalendar=")]
    times = ["systemd-analyze", "calendar", when.removeprefix("OnCalendar=")]
    assert subprocess.run(times, capture_output=True).returncode == 0
    assert "Persistent=true" in timer  # also where the machine was off


def test_the_backup_script_keeps_what_is_young_and_only_touches_its_own(tmp_path: Path):
    home, kept = tmp_path / "home", tmp_path / "backups"
    home.mkdir()
    (home / "demo").touch()
    kept.mkdir()
    for name, days in {
        "zhinao-old.tar.zst": 40,
        "zhinao-young.tar.zst": 3,
        "other.txt": 400,
    }.items():
        (kept / name).touch()
        at = time.time() - days * 86_400
        os.utime(kept / name, (at, at))
    settings = {"ZHINAO_HOME": str(home), "ZHINAO_BACKUPS": str(kept), "PYTHON": sys.executable}
    script = DEPLOY / "backup.sh"
    subprocess.run([script], check=True, env=os.environ | settings, capture_output=True)
    names = sorted(path.name for path in kept.iterdir())
    made = [name for name in names if name not in ("zhinao-young.tar.zst", "other.txt")]
    assert len(made) == 1 and len(names) == 3 and made[0].startswith("zhinao-2")
    assert (kept / made[0]).stat().st_mode & 0o077 == 0
    failing = settings | {"ZHINAO_HOME": str(tmp_path / "none")}
    os.utime(kept / "zhinao-young.tar.zst", (0, 0))
    failed = subprocess.run([script], env=os.environ | failing, capture_output=True)
    assert failed.returncode != 0
    assert (kept / "zhinao-young.tar.zst").exists()  # nothing is deleted for a backup that failed


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
@pytest.mark.parametrize("name", UNITS)
def test_systemd_finds_nothing_wrong_with_a_unit(name: str, tmp_path: Path):
    """As it would be installed: with programs that exist, for those of a centre are not here."""
    unit = (DEPLOY / name).read_text()
    unit = unit.replace(f"{INSTALLED}/.venv/bin/python", shutil.which("python3") or "/bin/true")
    unit = unit.replace("/usr/bin/xinit", shutil.which("xinit") or "/bin/true")
    (tmp_path / name).write_text(unit.replace(INSTALLED, str(ROOT)))
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--recursive-errors=no", str(tmp_path / name)],
        capture_output=True,
        text=True,
    )
    told = [line for line in checked.stderr.splitlines() if name in line]
    assert (checked.returncode, told) == (0, []), checked.stderr
