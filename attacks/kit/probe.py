"""Other people: what they wait for the common requests, each from an address and an account of its own."""

import multiprocessing
import threading
import time
from dataclasses import dataclass, field

from .service import ask
from .world import Account, World

# Longer than that nobody waits; it counts as this long, and as a failure.
PATIENCE = 5.0

# Between two requests of a kind. A request is due at its time, and what it has to wait for the one before it counts, so
# that a second in which nothing is answered shows as all the requests that were due in it.
PERIODS = {"index": 0.06, "page": 0.06, "list": 0.25, "create": 0.08, "login": 0.4, "ready": 0.1}

# The kinds that an attack may touch of which the statement of the figures speaks; a failure is a status other than these.
GOOD = {"create": 201}


@dataclass
class Times:
    """Of one kind, in ms."""

    waited: list[float] = field(default_factory=list)
    failures: dict[str, int] = field(default_factory=dict)

    def percentile(self, share: float) -> float:
        ordered = sorted(self.waited)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0

    def add(self, other: "Times") -> None:
        self.waited += other.waited
        for name, count in other.failures.items():
            self.failures[name] = self.failures.get(name, 0) + count


def request(kind: str, world: World, account: Account) -> int:
    place = {"address": account.address, "timeout": PATIENCE}
    if kind == "index":
        return ask(world.port, "GET", "/api", **place)[0]
    if kind == "ready":
        return ask(world.port, "GET", "/readyz", **place)[0]
    if kind == "page":
        return ask(world.port, "GET", "/api/transactions?limit=20", account.token, **place)[0]
    if kind == "list":
        return ask(world.port, "GET", "/api/transactions?type=EXPENSE", account.token, **place)[0]
    if kind == "create":
        body = {"title": "Chicken rice", "amount": "60.50", "type": "INCOME", "category": "Other"}
        return ask(world.port, "POST", "/api/transactions", account.token, body, **place)[0]
    return ask(world.port, "POST", "/api/auth/login", "", {"email": account.email, "password": account.password}, **place)[0]


class Probe:
    """A process that asks until it is told to stop."""

    def __init__(self, world: World) -> None:
        context = multiprocessing.get_context("fork")
        self.stopped = context.Event()
        self.ours, theirs = context.Pipe()
        self.process = context.Process(target=run, args=(world, self.stopped, theirs), daemon=True)
        self.process.start()
        theirs.close()

    def stop(self) -> dict[str, Times]:
        self.stopped.set()
        try:
            return self.ours.recv()
        finally:
            self.process.join(10)
            self.process.kill()


def run(world: World, stopped: object, answers: object) -> None:
    times = {kind: Times() for kind in PERIODS}
    began = time.monotonic()
    threads = [threading.Thread(target=repeat, args=(kind, world, stopped, times[kind], began)) for kind in PERIODS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answers.send(times)


def repeat(kind: str, world: World, stopped: object, times: Times, began: float) -> None:
    due = began + PERIODS[kind] / 2
    turn = 0
    while not stopped.is_set():
        time.sleep(max(0.0, due - time.monotonic()))
        account = world.people[turn % len(world.people)]
        turn += 1
        try:
            status = request(kind, world, account)
            failure = "" if status == GOOD.get(kind, 200) else str(status)
        except TimeoutError:
            failure = "no answer"
        except OSError:
            failure = "broken"
        # A refusal comes quickly, and is no answer: it counts as the longest that anybody waits.
        waited = PATIENCE if failure else min(PATIENCE, time.monotonic() - due)
        times.waited.append(waited * 1000)
        if failure:
            times.failures[failure] = times.failures.get(failure, 0) + 1
        # What was missed by more than that is not caught up with, or the catching up would be a flood of its own.
        due = max(due + PERIODS[kind], time.monotonic() - PATIENCE)
