"""A kind of attack: a coroutine with a name, how long it may take, and what the server has to keep to."""

import asyncio
import multiprocessing
import os
import traceback
from collections import Counter
from dataclasses import dataclass, field
from typing import Awaitable, Callable

from .client import CLOSED, REFUSED, SILENT, raise_descriptor_limit
from .world import World

# An answer that nobody has to be ashamed of, to a request that should be refused. 501 is what an unknown method is.
REFUSALS = {*range(400, 500), 501, 503}

# The attacker has to share the processors with what it attacks, which it would not have to elsewhere.
NICE = 10


@dataclass
class Outcome:
    """What came of an attack, as the attacker saw it."""

    statuses: Counter = field(default_factory=Counter)
    """Answers by status, or by how the connection ended without one."""
    broken: list[str] = field(default_factory=list)
    """What the server did that it should not."""
    notes: list[str] = field(default_factory=list)

    def expect_refusals(self, statuses: Counter, of: str, also: set = frozenset()) -> None:
        """Each of the requests has to be refused, in so many words or by closing."""
        self.statuses += statuses
        wrong = {status: count for status, count in statuses.items()
                 if status not in REFUSALS and status not in (CLOSED, REFUSED) and status not in also}
        if wrong:
            told = ", ".join(f"{count} × {status}" for status, count in wrong.items())
            self.broken.append(f"{of}: answered {told} instead of refused")

    def expect_no_faults(self, statuses: Counter, of: str) -> None:
        """Requests that anybody may send: each has to be answered, and none with a fault of the server."""
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
    """One of them."""

    name: str
    finding: str
    seconds: int
    """It is ended after these."""
    settings: dict[str, str]
    """What the server is started with, beyond the defaults of `prod`."""
    run: Callable[[World], Awaitable[Outcome]]


ALL: list[Attack] = []


def attack(name: str, finding: str, seconds: int, settings: dict[str, str] | None = None) -> Callable:
    def register(run: Callable[[World], Awaitable[Outcome]]) -> Callable:
        ALL.append(Attack(name, finding, seconds, settings or {}, run))
        return run
    return register


class Attacker:
    """A process that carries one out; ended with everything it holds when its time is over."""

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
    # Ended at once: nothing of what it holds is closed politely.
    os._exit(0)
