"""What root does for the service's user gives that user nothing of root's."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

SERVICE = Path(__file__).parent.parent.parent / "deploy" / "service.sh"
NOBODY = pwd.getpwnam("nobody")

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("setpriv"), reason="root and setpriv are needed"
)


@pytest.fixture
def ground() -> Iterator[Path]:
    """Root's folder that everybody may pass, with `state`, the owner's, and `etc`, root's."""
    with tempfile.TemporaryDirectory(dir="/var/lib") as folder:  # /tmp anybody may write
        os.chmod(folder, 0o755)
        for name in ("state", "etc"):
            (Path(folder) / name).mkdir(mode=0o755)
        os.chown(Path(folder) / "state", NOBODY.pw_uid, NOBODY.pw_gid)
        yield Path(folder)


def make_folder(folder: Path) -> subprocess.CompletedProcess[str]:
    script = f'source "{SERVICE}"; owner=nobody; make_folder "$1"'
    return subprocess.run(["bash", "-c", script, "-", folder], capture_output=True, text=True)


def owned(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_uid, found.st_mode & 0o777


@pytest.mark.parametrize("name", ["state/home", "state/a/home", "elsewhere/backups"])
def test_a_folder_that_is_not_there_is_made_for_the_owner_alone(ground: Path, name: str):
    for _ in range(2):
        assert make_folder(ground / name).returncode == 0
        assert owned(ground / name) == (NOBODY.pw_uid, 0o700)


@pytest.mark.parametrize("name", ["link", "link/cron.d", "link/a/b", "new/../link/cron.d"])
def test_a_link_of_the_owners_leads_root_nowhere(ground: Path, name: str):
    (ground / "state" / "link").symlink_to(ground / "etc")
    made = make_folder(ground / "state" / name)
    assert made.returncode == 1 and "nobody 不能" in made.stderr
    assert owned(ground / "etc") == (0, 0o755)
    assert list((ground / "etc").iterdir()) == []


def test_a_link_to_nothing_is_not_followed(ground: Path):
    (ground / "state" / "link").symlink_to(ground / "etc" / "new")
    assert make_folder(ground / "state" / "link").returncode == 1
    assert list((ground / "etc").iterdir()) == []


def test_a_folder_that_is_there_stays_whose_it_is(ground: Path):
    made = make_folder(ground / "etc")
    assert made.returncode == 1 and f"不能写 {ground}/etc" in made.stderr
    assert owned(ground / "etc") == (0, 0o755)
    os.chown(ground / "etc", NOBODY.pw_uid, -1)
    assert make_folder(ground / "etc").returncode == 0
    assert owned(ground / "etc") == (NOBODY.pw_uid, 0o755)
