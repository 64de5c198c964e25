"""Responses that are not read, or a byte at a time (H2, M4)."""

import asyncio
import time
from collections import Counter
from typing import Iterable

from kit.attack import Outcome, attack
from kit.client import Connection, addresses, connect_all, cycle, head
from kit.memory import sockets
from kit.world import World

# Longer than the time that a client may read nothing (`server.stall_timeout`, 30 s).
HOLD = 42
CONNECTIONS = 1200


def static(path: str, times: int, *headers: tuple[str, str]) -> bytes:
    return head("GET", path, headers) * times


def strangers_requests() -> list[bytes]:
    gzip, plain = ("Accept-Encoding", "gzip"), ("Accept-Encoding", "identity")
    return [
        static("/api/docs/swagger-ui-bundle.js", 3, plain),
        static("/api/docs/swagger-ui-bundle.js", 3, gzip),
        static("/api/docs/swagger-ui.css", 10, plain),
        static("/api/openapi.json", 10, plain),
        static("/api/openapi.json", 30, gzip),
        static("/metrics", 30, plain),
        static("/healthz", 500),
        static("/readyz", 500),
        static("/nowhere" + "x" * 2000, 30),
        static("/api", 400),
    ]


async def hold_unread(world: World, requests: list[tuple[str, bytes]], seconds: int) -> Outcome:
    """Sends requests, reads nothing, and counts the connections that the server holds."""
    outcome = Outcome()
    before = sockets(world.pid)
    connections = await connect_all(world.port, [address for address, _ in requests], receive_buffer=4096)
    let_in = len(connections)
    await asyncio.gather(*(connection.send(request, 5) for connection, (_, request) in zip(connections, requests)))
    most, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        most = max(most, sockets(world.pid) - before)
        await asyncio.sleep(1)
    held = max(0, sockets(world.pid) - before)
    outcome.statuses = Counter({"let in": let_in, "not let in": len(requests) - let_in, "cut": max(0, let_in - held)})
    outcome.notes.append(f"held: {most} at most, {held} after {seconds} s")
    # A few may belong to the probe.
    outcome.expect(held <= max(30, let_in // 20), f"{held} of {let_in} are still held after {seconds} s of no progress")
    for connection in connections:
        connection.reset()
    return outcome


@attack("unread-many-addresses", "H2", HOLD + 40)
async def unread_from_many(world: World) -> Outcome:
    """A client without an account, with a network of addresses."""
    kinds = strangers_requests()
    places = cycle(addresses(40, 300), CONNECTIONS)
    return await hold_unread(world, [(place, kinds[n % len(kinds)]) for n, place in enumerate(places)], HOLD)


@attack("unread-one-address", "H2", HOLD + 40)
async def unread_from_one(world: World) -> Outcome:
    """A client without an account, on one machine."""
    kinds = strangers_requests()
    return await hold_unread(world, [("127.41.0.1", kinds[0]) for n in range(500)], HOLD)


@attack("unread-pages", "H2", HOLD + 40)
async def unread_pages(world: World) -> Outcome:
    """An account with pages of 10 MB and lists of 20 MB, from many addresses."""
    paths = ["/api/transactions?limit=500", "/api/transactions", "/api/transactions?type=EXPENSE&sort=-amount",
             "/api/transactions/filter?startDate=2020-01-01", "/api/transactions?q=purchase&limit=500"]
    requests = []
    for n, place in enumerate(addresses(42, 400)):
        encoding = ("Accept-Encoding", "gzip" if n % 3 == 0 else "identity")
        requests.append((place, head("GET", paths[n % len(paths)], [encoding], world.pages.token) * 2))
    return await hold_unread(world, requests, HOLD)


async def read_slowly(world: World, address: str, request: bytes, bytes_a_second: int, until: float, statuses: Counter) -> None:
    """A reader that makes progress, but almost none."""
    while time.monotonic() < until:
        connection = Connection(world.port, address, 2048)
        if not await connection.connect():
            statuses["not let in"] += 1
            await asyncio.sleep(0.5)
            continue
        await connection.send(request)
        status, taken = "no answer", 0
        while time.monotonic() < until:
            piece = await connection.receive(max(1, bytes_a_second // 5), 10)
            if not piece:
                break
            if not taken and piece.startswith(b"HTTP/1.1 ") and len(piece) > 12:
                status = int(piece.split(b" ", 2)[1])
            elif not taken:
                status = "begun"
            taken += len(piece)
            await asyncio.sleep(0.2)
        statuses[status] += 1
        connection.reset()
        await asyncio.sleep(0.2)


async def slow_readers(world: World, requests: Iterable[tuple[str, bytes]], rate: int, seconds: int) -> Counter:
    statuses: Counter = Counter()
    until = time.monotonic() + seconds
    await asyncio.gather(*(read_slowly(world, place, request, rate, until, statuses) for place, request in requests))
    return statuses


@attack("slow-lists", "M4", 70)
async def slow_lists(world: World) -> Outcome:
    """Reads unpaged lists so slowly that each takes minutes without stalling, while others want theirs, too."""
    outcome = Outcome()
    one = [(world.pages.address, head("GET", "/api/transactions?type=EXPENSE", (), world.pages.token))] * 6
    outcome.statuses += await slow_readers(world, one, 57_000, 15)
    more = [(place, head("GET", "/api/transactions", (), account.token))
            for place, account in zip(addresses(43, 20), [world.pages, world.bulk, world.tags, world.history] * 5)]
    outcome.statuses += await slow_readers(world, more, 57_000, 15)
    return outcome


@attack("slow-readers", "H2", 70)
async def byte_readers(world: World) -> Outcome:
    """Reads everything large, a byte at a time."""
    kinds = strangers_requests()[:6]
    own = [head("GET", "/api/transactions?limit=500", (), world.pages.token), head("GET", "/api/tags", (), world.tags.token)]
    requests = [(place, (kinds + own)[n % 8]) for n, place in enumerate(cycle(addresses(44, 200), 400))]
    outcome = Outcome()
    outcome.statuses += await slow_readers(world, requests, 5, 30)
    return outcome
