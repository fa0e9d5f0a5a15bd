"""Where a home's data comes from: the site's declarations and the folder of its files."""

from dataclasses import dataclass
from pathlib import Path

import orjson

from data.declaration import DeclarationError


@dataclass(frozen=True)
class Origin:
    """A site folder, and the folder in which the sources' files lie."""

    site_folder: Path
    input: Path

    @property
    def roots(self) -> tuple[Path, ...]:
        """Where layers are looked for, in this order; the site folder is the last."""
        return (self.input, self.site_folder)


def record(origin: Origin, home: Path) -> None:
    """Remember the origin in the home, so that `watch` knows it. A link on the way to the site is
    kept: an upgrade turns /opt/zhinao."""
    home.mkdir(parents=True, exist_ok=True)
    folders = {"site": str(origin.site_folder.absolute()), "input": str(origin.input.resolve())}
    (home / "origin.json").write_bytes(orjson.dumps(folders, option=orjson.OPT_INDENT_2))


def recorded(home: Path) -> Origin:
    """The origin of the last run in this home; DeclarationError where there was none."""
    try:
        folders = orjson.loads((home / "origin.json").read_bytes())
        return Origin(Path(folders["site"]), Path(folders["input"]))
    except (OSError, ValueError, KeyError):
        raise DeclarationError(
            f"{home}：这里还没有装载过数据；请先运行 python -m etl run --site 站点 --home {home}"
        ) from None
