"""The table of results, and a line after each attack."""

import os
import sys

from .memory import LIMIT_MIB


def progress(text: str) -> None:
    print(f"… {text}", file=sys.stderr, flush=True)


def heading(world: object) -> None:
    facts = {name: value for name, value in world.facts.items() if isinstance(value, int) and name != "history of"}
    print("data:", ", ".join(f"{value} {name}" for name, value in facts.items()))


def worst(result: object, campaign: object) -> str:
    """The kind of request that suffered most."""
    return max(result.during, key=lambda kind: result.during[kind].percentile(0.99) / campaign.allowed_ms(kind))


def statuses(result: object) -> str:
    counts = sorted(result.outcome.statuses.items(), key=lambda item: -item[1])
    return ", ".join(f"{count} × {status}" for status, count in counts) or "-"


def mib(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


HEADER = ("attack", "lives", "RSS idle", "peak", "group peak", "after", "p99 calm", "during", "ratio", "of", "outcome")
WIDTHS = (24, 5, 8, 6, 10, 6, 8, 8, 6, 6, 9)


def cells(result: object, campaign: object) -> tuple[str, ...]:
    kind = worst(result, campaign)
    calm, during = campaign.calm[kind].percentile(0.99), result.during[kind].percentile(0.99)
    return (
        result.attack.name, "yes" if result.lives else "NO", mib(result.idle), mib(result.peak), mib(result.group_peak),
        mib(result.after if result.lives else None), f"{calm:.1f}", f"{during:.1f}", f"{during / max(calm, 0.001):.1f}", kind,
        "withstood" if result.withstood else "BROKEN",
    )


def line(values: tuple[str, ...]) -> str:
    return "  ".join(value.ljust(width) if n in (0, 9, 10) else value.rjust(width)
                     for n, (value, width) in enumerate(zip(values, WIDTHS)))


def row(result: object, campaign: object) -> None:
    """Prints the result immediately."""
    progress(line(cells(result, campaign)))
    for text in result.broken:
        progress(f"    {text}")


def table(results: list, campaign: object, seconds: float) -> None:
    print(f"\n{os.cpu_count()} processors, shared by attacker, server, database and others · memory limit {LIMIT_MIB} MiB "
          f"({campaign.limit_kind}) · {seconds / 60:.0f} min")
    print("undisturbed, p50 / p99 in ms: " + ", ".join(
        f"{kind} {times.percentile(0.5):.1f} / {times.percentile(0.99):.1f} (allowed {campaign.allowed_ms(kind):.0f})"
        for kind, times in campaign.calm.items()))
    print("memory in MiB, times in ms of the kind of request that suffered most\n")
    print(line(HEADER))
    for result in results:
        print(line(cells(result, campaign)))
        during = ", ".join(f"{kind} {times.percentile(0.5):.1f}/{times.percentile(0.99):.1f}" for kind, times in result.during.items())
        print(f"    answers: {statuses(result)}")
        print(f"    others' p50/p99: {during}")
        for note in result.outcome.notes:
            print(f"    {note}")
        for text in result.broken:
            print(f"    BROKEN: {text}")
    broken = [result.attack.name for result in results if not result.withstood]
    print(f"\n{len(results) - len(broken)} of {len(results)} withstood" + (f"; not: {', '.join(broken)}" if broken else ""))
