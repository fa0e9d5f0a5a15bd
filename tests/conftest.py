"""Fixtures that every package's tests share."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real input with expected answers; without it the test is skipped."""
    folder = Path(os.environ.get("ZHINAO_SHARED", ROOT.parent / "shared"))
    if not (folder / "realdata").is_dir():
        pytest.skip(f"real input not found at {folder} (set ZHINAO_SHARED)")
    return folder
