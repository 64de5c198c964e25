"""An attack: a coroutine with a name, a time limit, and criteria for the server."""

import asyncio
import multiprocessing
import os
import traceback
from collections import Counter
from dataclasses import dataclass, field
from typing import Awaitable, Callable

from .client import CLOSED, REFUSED, SILENT, raise_descriptor_limit
from .world import World

# Acceptable statuses for a request that should be refused. 501 is the status of an unknown method.
REFUSALS = {*range(400, 500), 501, 503}

# The attacker shares the processors with its target, which it would not elsewhere, so it gets less of them.
NICE = 10


@dataclass
class Outcome:
    """The result of an attack from the attacker's point of view."""

    statuses: Counter = field(default_factory=Counter)
    """Responses by status, or by how the connection ended without one."""
    broken: list[str] = field(default_factory=list)
    """Violations by the server."""
    notes: list[str] = field(default_factory=list)

    def expect_refusals(self, statuses: Counter, of: str, also: set = frozenset()) -> None:
        """Checks that each request was refused, by a status or by closing the connection."""
        self.statuses += statuses
        wrong = {status: count for status, count in statuses.items()
                 if status not in REFUSALS and status not in (CLOSED, REFUSED) and status not in also}
        if wrong:
            told = ", ".join(f"{count} × {status}" for status, count in wrong.items())
            self.broken.append(f"{of}: answered {told} instead of refused")

    def expect_no_faults(self, statuses: Counter, of: str) -> None:
        """Checks that each of these allowed requests was answered, without a server error."""
        self.statuses += statuses
        wrong = {status: count for status, count in statuses.items()
                 if status in (SILENT, CLOSED) or isinstance(status, int) and status >= 500 and status != 503}
        if wrong:
            told = ", ".join(f"{count} × {status}" for status, count in wrong.items())
            self.broken.append(f"{of}: {told}")

    def expect(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.broken.append(otherwise)


@dataclass
class Attack:
    """An attack."""

    name: str
    finding: str
    seconds: int
    """The time limit, in seconds."""
    settings: dict[str, str]
    """Settings of the server that differ from the defaults of `prod`."""
    run: Callable[[World], Awaitable[Outcome]]


ALL: list[Attack] = []


def attack(name: str, finding: str, seconds: int, settings: dict[str, str] | None = None) -> Callable:
    def register(run: Callable[[World], Awaitable[Outcome]]) -> Callable:
        ALL.append(Attack(name, finding, seconds, settings or {}, run))
        return run
    return register


class Attacker:
    """A process that runs an attack; it is killed with everything it holds when its time is over."""

    def __init__(self, what: Attack, world: World) -> None:
        self.what = what
        context = multiprocessing.get_context("fork")
        self.ours, theirs = context.Pipe()
        self.process = context.Process(target=carry_out, args=(what, world, theirs), daemon=True)
        self.process.start()
        theirs.close()

    def result(self) -> Outcome:
        try:
            if self.ours.poll(self.what.seconds):
                return self.ours.recv()
            return Outcome(broken=[f"it was not over after {self.what.seconds} s"])
        except EOFError:
            return Outcome(broken=["the attacker itself failed"])
        finally:
            self.stop()

    def stop(self) -> None:
        self.process.kill()
        self.process.join()


def carry_out(what: Attack, world: World, answers: object) -> None:
    os.nice(NICE)
    raise_descriptor_limit()
    try:
        outcome = asyncio.run(what.run(world))
    except Exception:
        outcome = Outcome(broken=["the attacker itself failed: " + traceback.format_exc()[-1500:]])
    answers.send(outcome)
    # Exits immediately, without closing connections gracefully.
    os._exit(0)
