"""Other users: the latency of common requests, each from its own address and account."""

import multiprocessing
import threading
import time
from dataclasses import dataclass, field

from .service import ask
from .world import Account, World

# The time limit of a request; it counts as this long, and as a failure.
PATIENCE = 5.0

# The interval between two requests of a kind. Requests have fixed times, and waiting for the previous one counts, so that a
# second without any response affects all requests that were due in it.
PERIODS = {"index": 0.06, "page": 0.06, "list": 0.25, "create": 0.08, "login": 0.4, "ready": 0.1}

# The kinds of requests that are measured; any other status is a failure.
GOOD = {"create": 201}


@dataclass
class Times:
    """The latencies of a kind, in ms."""

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
    """A process that sends requests until it is told to stop."""

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
        # A refusal is fast, but not a success: it counts as the maximum time.
        waited = PATIENCE if failure else min(PATIENCE, time.monotonic() - due)
        times.waited.append(waited * 1000)
        if failure:
            times.failures[failure] = times.failures.get(failure, 0) + 1
        # Requests missed by more than that are skipped, because catching up would be a flood itself.
        due = max(due + PERIODS[kind], time.monotonic() - PATIENCE)
