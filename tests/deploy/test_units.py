"""systemd understands the units, and what they start is there."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "deploy"
INSTALLED = "/opt/zhinao"
UNITS = sorted(path.name for path in DEPLOY.glob("*.service"))


def test_there_is_a_unit_for_each_process_of_a_centre():
    assert UNITS == [
        "zhinao-kiosk.service",
        "zhinao-sensors.service",
        "zhinao-watch.service",
        "zhinao.service",
    ]


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_restarts_what_it_starts_and_starts_what_is_there(name: str):
    lines = (DEPLOY / name).read_text().splitlines()
    assert "Restart=always" in lines
    command = next(line for line in lines if line.startswith("ExecStart="))
    of_ours = [part for part in command.split() if INSTALLED in part and ".venv" not in part]
    for part in of_ours:
        assert (ROOT / part.split(f"{INSTALLED}/")[1]).exists(), part
    if " -m " not in command and not of_ours:
        assert (ROOT / command.split()[-1]).exists()


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
