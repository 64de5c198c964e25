"""The report: each figure beside its target, with a mark if it is missed."""

import argparse
import os
import platform
import sys
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Iterable

from .cluster import Cluster

if TYPE_CHECKING:
    from .measures import FloodFigures, LoadFigures, MemoryFigures, PeerFigures, TurnFigures
    from .migrations import MigrationFigures
    from .lists import ListFigures
    from .schema import SchemaFigures

# The rate over HTTP divided by that of pgbench with the same statements, and with the plainest one.
MIN_RATIOS = {"single read": 0.6, "a day of 20": 0.5, "page of 20": 0.6, "…, one filter": 0.4}
MIN_PLAIN_RATIOS = {"create": 0.2}
MIN_TURN_RATIO = 0.95
MAX_IDLE_MB = 20
MAX_LIST_MB = 16
MAX_START_MS = 100
MAX_FLOOD = 5
MAX_PAGE_MS = 10
MAX_FAR = 1.2
MAX_BULK_S = 10
MAX_STATUS_MS = 1000
MAX_DEV_MS = 3000
MAX_NOTHING_TO_DO_MS = 50


def progress(what: str) -> None:
    """Prints progress for the person waiting; not part of the report."""
    print(f"… {what}", file=sys.stderr, flush=True)


def say(text: str = "") -> None:
    print(text, flush=True)


def mark(met: bool) -> str:
    return "ok" if met else "MISSED"


def heading(cluster: Cluster, options: argparse.Namespace, folder: Path) -> None:
    load = " ".join(f"{average:.1f}" for average in os.getloadavg())
    say(f"{os.cpu_count()} processors shared by server, PostgreSQL and load; {platform.system()} {platform.release()}; load before: {load}")
    say(f"PostgreSQL {cluster.tools.postgresql}, fsync on, on {filesystem(folder)}; reached over TCP on loopback by both")
    say(f"{options.rounds} rounds of {options.seconds} s, medians; {options.connections} connections to the server and as many "
        f"of pgbench's; RUST_LOG={options.log}")


def filesystem(folder: Path) -> str:
    """The type of a folder's file system: fsync costs nothing on tmpfs, which would improve the figures."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    under = [(len(path), kind) for _, path, kind, *_ in mounts if folder.is_relative_to(path)]
    return max(under)[1]


def start(took: list[float]) -> None:
    ms = sorted(seconds * 1000 for seconds in took)
    say()
    say(f"start to first 200   {median(ms):6.1f} ms  (target ≤ {MAX_START_MS} ms: {mark(median(ms) <= MAX_START_MS)}; "
        f"{len(ms)} starts, {ms[0]:.1f} to {ms[-1]:.1f})")


def memory(figures: "MemoryFigures") -> None:
    idle = figures.idle
    say()
    say(f"memory, idle         {idle.rss:6.1f} MB  (target ≤ {MAX_IDLE_MB} MB: {mark(idle.rss <= MAX_IDLE_MB)}; "
        f"of it private {idle.private:.1f})")
    for name, above in figures.lists.items():
        say(f"whole list of 100,000{name:13} {above:+6.1f} MB above idle at its peak  "
            f"(target ≤ +{MAX_LIST_MB} MB: {mark(above <= MAX_LIST_MB)})")
    say(f"  the list has {figures.list_bytes / 1e6:.1f} MB; memory after the lists {figures.after.rss:.1f} MB")


def loads(figures: list["LoadFigures"]) -> None:
    say()
    say(f"{'':14} {'req/s':>7} {'p50 ms':>7} {'p99 ms':>7} {'pgbench/s':>9} {'ratio':>6} {'(rounds)':>13}"
        f" {'target':>7} {'':6} {'plainest/s':>10} {'ratio':>6} {'target':>7} {'':6} {'RSS after':>10}")
    for figure in figures:
        rate = median(http.rate for http in figure.http)
        p50 = median(http.p50_ms for http in figure.http)
        p99 = median(http.p99_ms for http in figure.http)
        same, target, met = against(figure.ratios, figure.pgbench, MIN_RATIOS.get(figure.name))
        spread = f"{min(figure.ratios):.2f} to {max(figure.ratios):.2f}" if figure.ratios else ""
        plain, plain_target, plain_met = against(figure.plain_ratios, figure.plain, MIN_PLAIN_RATIOS.get(figure.name))
        say(f"{figure.name:14} {rate:7.0f} {p50:7.2f} {p99:7.2f} {same[0]:>9} {same[1]:>6} {spread:>13} {target:>7} {met:6}"
            f" {plain[0]:>10} {plain[1]:>6} {plain_target:>7} {plain_met:6} {figure.after.rss:7.1f} MB")


def against(ratios: list[float], rates: list[float], least: float | None) -> tuple[tuple[str, str], str, str]:
    """The rate and the ratio to it, the target, and whether it is met."""
    if not ratios:
        return ("", ""), "", ""
    shown = (f"{median(rates):.0f}", f"{median(ratios):.2f}")
    return (shown, f"≥ {least}", mark(median(ratios) >= least)) if least else (shown, "", "")


def turns(figures: list["TurnFigures"]) -> None:
    say()
    say(f"{'this, other':14} {'req/s':>15} {'p99 ms':>13} {'ratio':>6} {'(rounds)':>13} {'target':>7} {'':6}"
        f" {'RSS idle MB':>13} {'RSS after MB':>13}")
    for figure in figures:
        rates = pair(median(http.rate for http in side) for side in (figure.this, figure.other))
        p99 = pair((median(http.p99_ms for http in side) for side in (figure.this, figure.other)), 2)
        ratio = median(figure.ratios)
        spread = f"{min(figure.ratios):.2f} to {max(figure.ratios):.2f}"
        say(f"{figure.name:14} {rates:>15} {p99:>13} {ratio:6.3f} {spread:>13} {f'≥ {MIN_TURN_RATIO}':>7} {mark(ratio >= MIN_TURN_RATIO):6}"
            f" {pair((memory.rss for memory in figure.idle), 1):>13} {pair((memory.rss for memory in figure.after), 1):>13}")


def peers(figures: list["PeerFigures"]) -> None:
    say()
    say(f"{'this, PocketBase':16} {'req/s':>15} {'p99 ms':>13} {'ratio':>6} {'(rounds)':>13}")
    for figure in figures:
        rates = pair(median(http.rate for http in side) for side in (figure.this, figure.peer))
        p99 = pair((median(http.p99_ms for http in side) for side in (figure.this, figure.peer)), 2)
        spread = f"{min(figure.ratios):.2f} to {max(figure.ratios):.2f}"
        say(f"{figure.name:16} {rates:>15} {p99:>13} {median(figure.ratios):6.2f} {spread:>13}")


def pair(numbers: Iterable[float], digits: int = 0) -> str:
    return ", ".join(f"{number:.{digits}f}" for number in numbers)


def flood(figures: "FloodFigures") -> None:
    calm = median(http.p99_ms for http in figures.calm)
    flooded = median(http.p99_ms for http in figures.flooded)
    rate = median(http.rate for http in figures.flooded)
    logins = median(http.rate for http in figures.logins)
    say()
    say(f"p99 of reads         {calm:6.2f} ms alone, {flooded:.2f} ms during a flood of logins: {figures.ratio:.2f} times  "
        f"(target < {MAX_FLOOD}: {mark(figures.ratio < MAX_FLOOD)})")
    say(f"  {rate:.0f} reads/s meanwhile; the flood: {logins:.0f} logins/s answered, all refused")


def migrations(figures: "MigrationFigures") -> None:
    say()
    for name, took in figures.onto_empty.items():
        say(f"1,000 migrations onto an empty database, {name:8} {median(took):7.2f} s   "
            f"({len(took)} times, {min(took):.2f} to {max(took):.2f})")
    for name, took in figures.nothing_to_do.items():
        ms = sorted(seconds * 1000 for seconds in took)
        target = f"(target ≤ {MAX_NOTHING_TO_DO_MS} ms: {mark(median(ms) <= MAX_NOTHING_TO_DO_MS)}; " if name == "app" else "("
        say(f"nothing to do, 1,000 on record,          {name:8} {median(ms):7.1f} ms  "
            f"{target}{len(ms)} times, {ms[0]:.1f} to {ms[-1]:.1f})")
    if "sqlx-cli" in figures.onto_empty:
        ratio = median(figures.onto_empty["app"]) / median(figures.onto_empty["sqlx-cli"])
        say(f"  app takes {ratio:.2f} of sqlx-cli's time onto an empty database  (target ≤ 1: {mark(ratio <= 1)})")
    else:
        say("  sqlx-cli is not installed, and was not measured: `cargo install sqlx-cli --version 0.9.0`")


def schema(figures: "SchemaFigures") -> None:
    say()
    for what, took, most in [
        ("status with its look for drift", figures.status, MAX_STATUS_MS),
        ("status without it", figures.status_without_drift, None),
        ("migrate dev with one change", figures.dev, MAX_DEV_MS),
    ]:
        ms = sorted(seconds * 1000 for seconds in took)
        target = f"target ≤ {most} ms: {mark(median(ms) <= most)}; " if most else ""
        say(f"{what:32} {median(ms):7.1f} ms  ({target}{len(ms)} times, {ms[0]:.1f} to {ms[-1]:.1f})")


def lists(figures: "ListFigures") -> None:
    say()
    say(f"a page of 50, in ms, at most {MAX_PAGE_MS}     " + "".join(f"{sort:>10}" for sort in ("-date", "date", "-amount", "amount")))
    for name, took in figures.pages.items():
        say(f"{name:34}" + "".join(f"{ms:10.1f}" for ms in took) + f"   {mark(max(took) <= MAX_PAGE_MS)}")
    ratio = figures.far / figures.first
    say(f"the first page {figures.first:.2f} ms, page 10,000 {figures.far:.2f} ms: {ratio:.2f} times (target \u2264 {MAX_FAR}: {mark(ratio <= MAX_FAR)})")
    say(f"{figures.bulk_rows:,} at once, in s, at most {MAX_BULK_S}")
    for name, seconds in figures.bulk.items():
        say(f"  {name:32}{seconds:10.2f}   {mark(seconds <= MAX_BULK_S)}")
    say(f"  the server's most memory meanwhile: {figures.peak_mb:.1f} MB")
