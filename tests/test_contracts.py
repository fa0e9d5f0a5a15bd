"""Every declared thing, without naming any: who may import whom, who may ask the database, and
whether each source does what its own examples say."""

import ast
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from data.site import Site, load_site
from etl.examples import check_example
from etl.source import Example, Source, load_sources
from tests.conftest import ROOT

ALLOWED = {  # package -> what of ours it may import; DESIGN 2
    "rules": set(),
    "geo": set(),
    "access": {"data.scope"},
    "dispatch": {
        "rules",
        "data.codes",
        "access",
        "data.alert_rules",
        "data.declaration",
        "data.logs",
        "data.site",
    },
    "data": {"rules"},
    "etl": {"data", "geo", "rules"},
    "layouts": {"access.roles", "data.codes", "data.display", "data.indicators", "data.scope"},
    "callbacks": {"layouts", "data", "geo", "access"},
    "routes": {"data", "geo", "rules", "access", "dispatch", "upkeep"},
    "upkeep": {"data", "access"},
}
BESIDES = {  # module -> what it alone of its package may import
    "etl/demo/posts.py": {"access"},  # the demo makes accounts to look around with
    "etl/on_record.py": {"access"},  # what is changed by command is in the audit as well
}
OURS = {*ALLOWED, "app", "bench", "tests"}
NAMELESS = {"utils", "helpers", "common", "manager", "misc", "util", "helper"}
SITES = sorted(path.parent for path in (ROOT / "sites").glob("*/site.toml"))
NOW = datetime(2026, 12, 1)


def modules() -> Iterator[Path]:
    for package in ALLOWED:
        yield from sorted((ROOT / package).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Dotted names of ours that the module imports, at whatever depth; of packages, the parts."""
    package = path.relative_to(ROOT).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = [*package[: len(package) - node.level + 1]] if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            inner = (ROOT / name.replace(".", "/")).is_dir()
            yield from (f"{name}.{alias.name}" for alias in node.names) if inner else (name,)


def forbidden(path: Path) -> list[str]:
    package = path.relative_to(ROOT).parts[0]
    here = path.relative_to(ROOT).as_posix()
    allowed = {package, *ALLOWED[package], *BESIDES.get(here, ())}
    return [
        name
        for name in imported(path)
        if name.split(".")[0] in OURS
        and not any(name == free or name.startswith(f"{free}.") for free in allowed)
    ]


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_go_only_downwards(package):
    wrong = {str(p.relative_to(ROOT)): forbidden(p) for p in (ROOT / package).rglob("*.py")}
    assert {path: names for path, names in wrong.items() if names} == {}


def test_the_guard_of_imports_sees_them(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.test_contracts.ROOT", tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "etl").mkdir()
    (tmp_path / "geo").mkdir()
    (tmp_path / "layouts").mkdir()
    (tmp_path / "geo" / "a.py").write_text("def f():\n    from data.site import Site\n")
    (tmp_path / "layouts" / "b.py").write_text("from data import measure, codes\nimport pandas\n")
    (tmp_path / "etl" / "c.py").write_text("from . import load\nimport callbacks.drill as d\n")
    assert forbidden(tmp_path / "geo" / "a.py") == ["data.site"]
    assert forbidden(tmp_path / "layouts" / "b.py") == ["data.measure"]
    assert forbidden(tmp_path / "etl" / "c.py") == ["callbacks.drill"]


def test_every_package_is_guarded():
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages - {"tests", "bench"} <= set(ALLOWED)


ASKERS = ("data", "etl", "access", "dispatch")


def test_only_who_keeps_the_stores_asks_them():
    askers = {
        str(path.relative_to(ROOT))
        for path in [*modules(), ROOT / "app.py"]
        if re.search(r"\.(execute|executemany|sql)\(", path.read_text("utf-8"))
        and path.relative_to(ROOT).parts[0] not in ASKERS
    }
    assert askers == set()


def test_no_module_is_named_after_nothing():
    names = {path.stem for path in ROOT.rglob("*.py") if ".venv" not in path.parts}
    assert names & NAMELESS == set()


@pytest.mark.parametrize("path", list(modules()), ids=lambda p: str(p.relative_to(ROOT)))
def test_every_module_says_what_it_is_for(path):
    assert (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").strip()


# Sites


@pytest.mark.parametrize("folder", SITES, ids=lambda folder: folder.name)
def test_every_site_loads_under_its_own_name(folder):
    site = load_site(folder)
    assert site.name == folder.name
    assert load_sources(folder, site)


@pytest.mark.parametrize("folder", SITES, ids=lambda folder: folder.name)
def test_a_site_is_declarations_and_no_code(folder):
    kinds = {path.suffix for path in folder.rglob("*") if path.is_file()}
    assert kinds <= {".toml", ".csv", ".md", ".geojson", ".json"}


def examples() -> Iterator:
    for folder in SITES:
        site = load_site(folder)
        for source in load_sources(folder, site).values():
            for number, example in enumerate(source.examples, 1):
                name = f"{folder.name}-{source.name}-{number}"
                yield pytest.param(source, site, example, id=name)


@pytest.mark.parametrize(("source", "site", "example"), list(examples()))
def test_every_source_does_what_its_example_says(source: Source, site: Site, example: Example):
    check_example(source, site, example, NOW)


@pytest.mark.parametrize("folder", SITES, ids=lambda folder: folder.name)
def test_every_source_has_an_example_of_each_fate(folder):
    for source in load_sources(folder, load_site(folder)).values():
        assert any(example.row is not None for example in source.examples), source.name
        assert any(example.rejected for example in source.examples), source.name


def test_every_indicator_has_a_worked_example():
    from data.indicators import INDICATORS

    indicators = INDICATORS.values() if isinstance(INDICATORS, dict) else INDICATORS
    assert [indicator.key for indicator in indicators if not indicator.example] == []
