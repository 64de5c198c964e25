"""Clients that send slowly, or nothing: bodies, heads, connections (H3)."""

import asyncio
import time
from collections import Counter

from kit.attack import Outcome, attack
from kit.client import CLOSED, REFUSED, SILENT, Connection, addresses, connect_all, cycle, head
from kit.memory import sockets
from kit.world import Account, World

SECONDS = 18


def begun(account: Account | None, announced: int, sent: int, path: str = "/api/transactions") -> bytes:
    """A request with the first bytes of its body."""
    headers = [("Content-Type", "application/json"), ("Content-Length", str(announced))]
    return head("POST", path, headers, account.token if account else "") + b'{"title":"' + b"x" * (sent - 10)


async def send_slowly(world: World, place: str, opening: bytes, drop: bytes, pause: float, until: float, statuses: Counter) -> None:
    """Sends a request drop by drop; starts another when the server closes the connection."""
    while time.monotonic() < until:
        connection = Connection(world.port, place)
        if not await connection.connect(3):
            statuses[REFUSED] += 1
            await asyncio.sleep(0.5)
            continue
        alive = await connection.send(opening, 5)
        status: int | str = SILENT if alive else CLOSED
        while alive and time.monotonic() < until:
            status, _ = await connection.answer(pause)
            if status != SILENT:
                break
            alive = not drop or await connection.send(drop, 5)
        statuses["still held" if status == SILENT else status] += 1
        connection.reset()
        await asyncio.sleep(0.1)


async def slow_clients(world: World, clients: list[tuple[str, bytes]], drop: bytes, pause: float, seconds: int) -> Outcome:
    outcome = Outcome()
    statuses: Counter = Counter()
    until = time.monotonic() + seconds
    work = [send_slowly(world, place, opening, drop, pause, until, statuses) for place, opening in clients]
    await asyncio.gather(*work)
    outcome.expect_refusals(statuses, "requests that do not end", {"still held"})
    return outcome


@attack("slow-bodies-one-account", "H3", 60)
async def one_account(world: World) -> Outcome:
    """Sends 513 bodies of 100 bytes slowly, from one address and one account: more than the limit of requests in progress."""
    account = world.plain[0]
    return await slow_clients(world, [(account.address, begun(account, 1000, 100))] * 540, b"", 40, SECONDS)


@attack("slow-bodies-many", "H3", 60)
async def many_accounts(world: World) -> Outcome:
    """Sends endless bodies from everywhere, some with an account and some without, a byte per second."""
    accounts: list[Account | None] = [*world.plain[:6], None]
    places = cycle(addresses(50, 300), 1500)
    clients = [(place, begun(accounts[n % 7], 1000, 100, "/api/transactions" if n % 7 < 6 else "/api/auth/login"))
               for n, place in enumerate(places)]
    return await slow_clients(world, clients, b"x", 1, SECONDS)


@attack("slow-bodies-large", "H3", 60)
async def large(world: World) -> Outcome:
    """Sends bodies of 1 MB without their last bytes, as many as are accepted: memory, if they are kept."""
    accounts: list[Account | None] = [*world.plain[:3], None]
    places = cycle(addresses(51, 200), 600)
    clients = [(place, begun(accounts[n % 4], 1_048_570, 1_048_000, "/api/transactions" if n % 4 < 3 else "/api/auth/login"))
               for n, place in enumerate(places)]
    return await slow_clients(world, clients, b"x", 2, SECONDS)


@attack("slow-bodies-chunked", "H3", 60)
async def chunked(world: World) -> Outcome:
    """Sends chunks of one byte with long extensions, and a body without an end."""
    opening = []
    for account in (*world.plain[:3], None):
        headers = [("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")]
        opening.append(head("POST", "/api/transactions" if account else "/api/auth/register", headers, account.token if account else ""))
    clients = [(place, opening[n % 4]) for n, place in enumerate(cycle(addresses(52, 150), 600))]
    return await slow_clients(world, clients, (b"1;" + b"e" * 3000 + b"\r\n \r\n") * 10, 0.5, 15)


@attack("slow-heads", "H3", 60)
async def heads(world: World) -> Outcome:
    """Sends heads that grow by a line per second, and heads of 60 kB without an end."""
    small = b"GET /api HTTP/1.1\r\nHost: localhost\r\nX-A: "
    clients = [(place, small if n % 2 else small + b"x" * 60_000) for n, place in enumerate(cycle(addresses(53, 400), 2000))]
    return await slow_clients(world, clients, b"x\r\nX-B: ", 1, 20)


@attack("idle-connections", "H2", 60)
async def idle(world: World) -> Outcome:
    """Opens ten thousand silent connections from 500 addresses, then a tenth from one."""
    outcome = Outcome()
    before = sockets(world.pid)
    for places in (cycle(addresses(54, 500), 10_000), ["127.55.0.1"] * 1000):
        connections = await connect_all(world.port, places, at_once=400)
        outcome.statuses["let in"] += len(connections)
        outcome.notes.append(f"held of {len(places)}: {sockets(world.pid) - before}")
        await asyncio.sleep(14)
        held = sum(connection.is_open() for connection in connections)
        outcome.statuses["cut"] += len(connections) - held
        outcome.expect(held <= len(connections) // 20, f"{held} of {len(connections)} silent connections are held after 14 s")
        for connection in connections:
            connection.reset()
    return outcome


@attack("churn", "H2", 60)
async def churn(world: World) -> Outcome:
    """Opens and closes connections: with a reset, half closed, in the middle of a head, after a request."""
    outcome = Outcome()
    places = addresses(56, 200)
    openings = [b"", b"GET /api HT", head("GET", "/api"), head("GET", "/healthz") * 20, b"\x16\x03\x01\x02\x00\x01\x00",
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", begun(world.plain[1], 500, 100)]
    until = time.monotonic() + 12

    async def work(turn: int) -> None:
        while time.monotonic() < until:
            connection = Connection(world.port, places[turn % len(places)])
            turn += 37
            if not await connection.connect(3):
                outcome.statuses[REFUSED] += 1
                continue
            await connection.send(openings[turn % len(openings)], 3)
            if turn % 3 == 0:
                try:
                    connection.socket.shutdown(1)
                except OSError:
                    pass
            outcome.statuses["gone"] += 1
            connection.reset()

    await asyncio.gather(*(work(n) for n in range(100)))
    return outcome
