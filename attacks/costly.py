"""Requests that are expensive for the database, from a legitimate account (H4, M2, M3)."""

import asyncio
import json
import time
from collections import Counter
from typing import Callable

from kit.attack import Outcome, attack
from kit.client import SILENT, addresses, ask, head, with_body
from kit.world import LONG_NOTE, Account, World

SECONDS = 15

# The limits of what one request may add to the database, and to the write-ahead log. A thousand of the longest notes are
# 20 MB of text; they are stored twice (the history), and indexed by their words.
DATABASE_MB_A_REQUEST = 100
LOG_MB_A_REQUEST = 400


async def repeatedly(world: World, account: Account, make: Callable[[int], bytes], clients: int, seconds: int) -> Counter:
    """Clients of one account, each with its own address, that send the next request as soon as the last is answered."""
    statuses: Counter = Counter()
    until = time.monotonic() + seconds
    turn = 0

    async def work(place: str) -> None:
        nonlocal turn
        while time.monotonic() < until:
            turn += 1
            status, _ = await ask(world.port, place, make(turn), 35)
            statuses[status] += 1
            if status == 429:
                await asyncio.sleep(0.2)

    await asyncio.gather(*(work(place) for place in addresses(60, clients)))
    return statuses


def growth(outcome: Outcome, world: World, database: float, log: float, served: int) -> None:
    """The growth of the database per request that changed something."""
    grown, written = world.database_mb() - database, world.written_mb() - log
    each = max(1, served)
    outcome.notes.append(f"database +{grown:.0f} MB, log +{written:.0f} MB, in {served} that were carried out")
    outcome.expect(grown / each <= DATABASE_MB_A_REQUEST, f"{grown / each:.0f} MB of database a request")
    outcome.expect(written / each <= LOG_MB_A_REQUEST, f"{written / each:.0f} MB of log a request")


@attack("bulk-changes", "H4", 80)
async def bulk(world: World) -> Outcome:
    """Changes a thousand transactions with the longest possible notes, five requests at a time."""
    outcome = Outcome()
    database, log = world.database_mb(), world.written_mb()

    def change(turn: int) -> bytes:
        body = {"filter": {"type": "EXPENSE"}, "set": {"note": LONG_NOTE[turn % 50:] + LONG_NOTE[:turn % 50]}}
        return with_body("PATCH", "/api/transactions", body, world.bulk.token)

    statuses = await repeatedly(world, world.bulk, change, 5, SECONDS)
    outcome.expect_no_faults(statuses, "changes of 1,000 rows")
    # Requests that timed out have cost as much.
    growth(outcome, world, database, log, statuses[200] + statuses[408])
    return outcome


@attack("undo-and-merge", "H4", 80)
async def undo(world: World) -> Outcome:
    """Deletes everything and restores it, repeatedly, and merges, from the same account."""
    outcome = Outcome()
    account, place = world.undo, addresses(61, 1)[0]
    database, log = world.database_mb(), world.written_mb()
    operation = 0

    async def steps() -> Counter:
        """Runs one after the other, so that there is always something to undo."""
        nonlocal operation
        statuses: Counter = Counter()
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            body = {"filter": {"type": "EXPENSE"}}
            for request in (with_body("DELETE", "/api/transactions", body, account.token), None):
                request = request or with_body("POST", f"/api/operations/{operation}/undo", {}, account.token)
                status, answer = await ask(world.port, place, request, 35)
                statuses[status] += 1
                if status == 200:
                    operation = json.loads(answer)["meta"].get("operationId", operation)
                elif status == 429:
                    await asyncio.sleep(0.5)
        return statuses

    def again(turn: int) -> bytes:
        return with_body("POST", f"/api/operations/{operation}/undo", {}, account.token)

    for statuses in await asyncio.gather(steps(), repeatedly(world, account, again, 4, SECONDS)):
        outcome.expect_no_faults(statuses, "undo")
    growth(outcome, world, database, log, outcome.statuses[200] + outcome.statuses[408])
    return outcome


@attack("chain-of-categories", "M2", 80)
async def chain(world: World) -> Outcome:
    """Moves the end of a long chain of categories: work that grows with the depth, unless that is limited."""
    outcome = Outcome()
    links: list[int] = world.facts["chain"]
    outcome.notes.append(f"{len(links)} deep")
    outcome.expect(len(links) <= 50, f"categories may be {len(links)} deep")

    def move(turn: int) -> bytes:
        body = {"parentId": links[-2 - turn % 2]}
        return with_body("PATCH", f"/api/categories/{links[-1]}", body, world.chain.token)

    outcome.expect_no_faults(await repeatedly(world, world.chain, move, 6, SECONDS), "a chain's end")
    # A circle is refused, whatever its length.
    ring = with_body("PATCH", f"/api/categories/{links[0]}", {"parentId": links[-1]}, world.chain.token)
    statuses: Counter = Counter()
    statuses[(await ask(world.port, world.chain.address, ring, 35))[0]] += 1
    outcome.expect_refusals(statuses, "a ring", {SILENT})
    return outcome


@attack("one-row", "H4", 80)
async def one_row(world: World) -> Outcome:
    """Changes the same row with the same Idempotency-Key from thirty addresses: requests that wait for a row must not hold
    resources that others need."""
    outcome = Outcome()
    path = f"/api/transactions/{world.facts['history of']}"
    account = world.history

    def change(turn: int) -> bytes:
        key = [("Idempotency-Key", f"key-{turn // 30}")]
        kinds = (
            lambda: with_body("PATCH", path, {"note": LONG_NOTE[:4000]}, account.token, key),
            lambda: with_body("POST", "/api/transactions", {"title": "a", "amount": "1", "type": "EXPENSE", "note": LONG_NOTE}, account.token, key),
            lambda: with_body("PUT", path, {"title": f"{turn}", "tags": [f"{n}" for n in range(50)]}, account.token),
        )
        return kinds[turn % 3]()

    outcome.expect_no_faults(await repeatedly(world, account, change, 30, SECONDS), "one row")
    return outcome


@attack("history", "M3", 80)
async def history(world: World) -> Outcome:
    """Reads the history of a transaction with 1,200 changes, and lists without a limit."""
    outcome = Outcome()
    number = world.facts["history of"]
    paths = [f"/api/transactions/{number}/history?limit=1", f"/api/transactions/{number}/history", "/api/operations", "/api/trash"]
    statuses = await repeatedly(world, world.history, lambda turn: head("GET", paths[turn % 4], (), world.history.token), 8, SECONDS)
    outcome.expect_no_faults(statuses, "history")
    return outcome


@attack("lists-with-counts", "M3", 80)
async def counts(world: World) -> Outcome:
    """Reads unpaged lists of thousands of rows with usage counts, the dashboard, and searches that match everything or nothing."""
    outcome = Outcome()
    paths = ["/api/tags?counts=true", "/api/payees?counts=true", "/api/categories?counts=true", "/api/tags", "/api/payees"]
    statuses = await repeatedly(world, world.tags, lambda turn: head("GET", paths[turn % 5], (), world.tags.token), 8, SECONDS)
    outcome.expect_no_faults(statuses, "counts")
    # Characters of the long notes, so that the search has to check them.
    words = "".join(f"%{byte:02X}" for byte in LONG_NOTE[7:9].encode())
    paths = ["/api/transactions?q=a&limit=500", f"/api/transactions?q={words}", f"/api/transactions?q={words}%20zzzz&sort=-amount",
             "/api/transactions/dashboard", "/api/transactions?minAmount=0.01&sort=amount&limit=500"]
    statuses = await repeatedly(world, world.pages, lambda turn: head("GET", paths[turn % 5], (), world.pages.token), 8, SECONDS)
    outcome.expect_no_faults(statuses, "searches")
    return outcome
