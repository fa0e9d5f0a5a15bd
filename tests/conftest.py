"""Fixtures that every package's tests share."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real input with expected answers; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("ZHINAO_SHARED", ROOT.parent / "shared"))
    if not (folder / "realdata").is_dir():
        pytest.skip(f"real input not found at {folder} (set ZHINAO_SHARED)")
    return folder
