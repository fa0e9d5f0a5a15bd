"""Runs the measurements of this folder: a table as they come, and the same in bench.json."""

import json
import multiprocessing
import os
import sys
import traceback
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import bench
from bench.figure import Figure

RESULT = Path("bench.json")
Figures = list[Figure]


def main(wanted: list[str]) -> int:
    """Exit code 0, 1 where a measurement failed, 2 where there is none of that name."""
    there = sorted(
        {module.name for module in iter_modules(bench.__path__)} - {"__main__", "collect", "figure"}
    )
    if unknown := sorted(set(wanted) - set(there)):
        print(f"没有 {'、'.join(unknown)}；可用：{'、'.join(there)}", file=sys.stderr)
        return 2
    found: Figures = []
    failed = []
    for name in wanted or there:
        try:
            found += in_a_process_of_its_own(name)
        except Exception:  # the others are measured all the same
            traceback.print_exc()
            failed.append(name)
    write(found, is_whole=not wanted)
    short = [figure.name for figure in found if not figure.ok]
    print(f"{len(found)} 项，{len(short)} 项未达标{'：' if short else ''}{'、'.join(short)}")
    if failed:
        print(f"未能测量：{'、'.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def in_a_process_of_its_own(name: str) -> Figures:
    """The figures of one module: what another one left in memory and caches must not count."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh) as pool:
        return pool.submit(measured, name).result()


def measured(name: str) -> Figures:
    """Measure one module, printing each figure as it comes; [] for one without figures."""
    module = import_module(f"bench.{name}")
    if not hasattr(module, "figures"):
        return []
    print(f"— {name}（{os.cpu_count()} 核，开始时的负载 {os.getloadavg()[0]:.1f}）", flush=True)
    return list(_printed(module.figures()))


def _printed(figures: Iterable[Figure]) -> Iterable[Figure]:
    for figure in figures:
        mark = "ok" if figure.ok else "SHORT"
        value, target = f"{figure.shown:,.10g}", f"{figure.target:,.10g}"
        print(f"{figure.name:<58} {value:>12} {figure.unit:<7} {target:>8}  {mark}", flush=True)
        yield figure


def write(found: Figures, is_whole: bool) -> None:
    """A run of some modules leaves the figures of the others as they were."""
    rows = [figure.as_row() for figure in found]
    others: list[dict] = []
    if not is_whole and RESULT.exists():
        names = {figure.name for figure in found}
        others = [old for old in json.loads(RESULT.read_text()) if old["name"] not in names]
    RESULT.write_text(json.dumps([*others, *rows], ensure_ascii=False, indent=1) + "\n")
