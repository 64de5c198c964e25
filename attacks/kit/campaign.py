"""Runs one attack after the other, each on a freshly started server, and judges the results."""

import shutil
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from . import report
from .attack import Attack, Attacker, Outcome
from .memory import LIMIT_MIB, Limit, Watch, resident
from .probe import PATIENCE, PERIODS, Probe, Times
from .service import App, ask
from .world import World

# The time before each attack, in seconds. The server warms up, and its samples define "undisturbed".
CALM_SECONDS = 5
FIRST_CALM_SECONDS = 10

# The time limit for memory to be released.
SETTLING_SECONDS = 30
BACK_WITHIN = 1.2

# The maximum latency of others, as a multiple of the undisturbed one, and the latency that is acceptable in any case: attacker,
# server, database and probes share the processors, which accounts for a few ms.
TIMES_UNDISTURBED = 10
FLOOR_MS = 20.0

# The minimum time of probing, for attacks that end immediately.
LEAST_SECONDS = 4


@dataclass
class Result:
    """The result of one attack."""

    attack: Attack
    lives: bool = True
    idle: float = 0.0
    peak: float = 0.0
    group_peak: float | None = None
    after: float | None = None
    settled: float = 0.0
    """The time until the memory was released, in seconds."""
    during: dict[str, Times] = field(default_factory=dict)
    outcome: Outcome = field(default_factory=Outcome)
    broken: list[str] = field(default_factory=list)

    @property
    def withstood(self) -> bool:
        return not self.broken


class Campaign:
    """All attacks of a run."""

    def __init__(self, app: App, world: World, logs: Path | None) -> None:
        self.app = app
        self.world = world
        self.logs = logs
        self.calm: dict[str, Times] = {kind: Times() for kind in PERIODS}
        self.limit_kind = ""

    def carry_out(self, attack: Attack) -> Result:
        report.progress(f"{attack.name} ({attack.finding})")
        result = Result(attack)
        with Limit() as limit, self.app.serve(limit, attack.settings) as server:
            self.limit_kind = limit.kind
            world = replace(self.world, port=server.port, pid=server.pid)
            # The word lists of the password check are loaded with the first password; a server in use has them.
            ask(server.port, "POST", "/api/auth/register", "", {"email": "first@example.com", "password": "password-2026"})
            self.rest(world, FIRST_CALM_SECONDS if not self.calm["index"].waited else CALM_SECONDS)
            result.idle = resident(server.pid) or 0.0
            with Watch(server.pid, limit) as watch:
                self.strike(attack, world, result)
                result.lives = server.lives()
                if result.lives:
                    self.settle(server.pid, result)
                    result.lives = server.lives()
            result.peak, result.group_peak = watch.peak, watch.group_peak
            if not result.lives:
                time.sleep(0.2)
                killed = " (over the memory limit)" if limit.kills() or watch.over else ""
                result.broken.append(f"the process ended{killed}: {server.end()}")
            if self.logs:
                self.logs.mkdir(parents=True, exist_ok=True)
                shutil.copy(server.log, self.logs / f"{attack.name}.log")
        self.judge(result)
        report.row(result, self)
        return result

    def rest(self, world: World, seconds: float) -> None:
        """Probes without an attack."""
        probe = Probe(world)
        try:
            time.sleep(seconds)
        finally:
            for kind, times in probe.stop().items():
                self.calm[kind].add(times)

    def strike(self, attack: Attack, world: World, result: Result) -> None:
        probe = Probe(world)
        attacker = Attacker(attack, world)
        began = time.monotonic()
        try:
            result.outcome = attacker.result()
            time.sleep(max(0.0, began + LEAST_SECONDS - time.monotonic()))
        finally:
            attacker.stop()
            result.during = probe.stop()

    def settle(self, pid: int, result: Result) -> None:
        """Waits until the memory has been released, up to the time limit."""
        began = time.monotonic()
        while True:
            result.after = resident(pid)
            result.settled = time.monotonic() - began
            if result.after is None or result.after <= result.idle * BACK_WITHIN or result.settled >= SETTLING_SECONDS:
                return
            time.sleep(0.5)

    def allowed_ms(self, kind: str) -> float:
        return max(TIMES_UNDISTURBED * self.calm[kind].percentile(0.99), FLOOR_MS)

    def judge(self, result: Result) -> None:
        result.broken += result.outcome.broken
        if result.lives and result.after is not None and result.after > result.idle * BACK_WITHIN:
            result.broken.append(f"memory was {result.after:.0f} MiB after {SETTLING_SECONDS} s, {result.idle:.0f} idle")
        if result.lives and result.group_peak is not None and result.group_peak > LIMIT_MIB:
            result.broken.append(f"memory with the buffers of sockets: {result.group_peak:.0f} MiB, over the limit")
        if not result.lives:
            # In this case the latency of others means nothing.
            return
        for kind, times in result.during.items():
            p99, allowed = times.percentile(0.99), self.allowed_ms(kind)
            if p99 > allowed:
                failures = ", ".join(f"{count} × {name}" for name, count in times.failures.items())
                told = f"; of {len(times.waited)}: {failures}" if failures else ""
                waited = f"over {PATIENCE:.0f} s" if p99 >= PATIENCE * 1000 else f"{p99:.0f} ms"
                result.broken.append(f"others' {kind}: p99 {waited}, {allowed:.0f} allowed{told}")
