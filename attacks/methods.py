"""Invented methods, paths and routes, which must not use memory permanently (H1)."""

import asyncio
import secrets
import time
from collections import Counter

from kit.attack import Outcome, attack
from kit.client import Connection, addresses, ask, head
from kit.world import World

SECONDS = 6


async def flood(world: World, address: str, until: float, make: object, at_once: int) -> Counter:
    """Sends requests on one connection, a few at a time; opens a new one when the server closes it."""
    statuses: Counter = Counter()
    while time.monotonic() < until:
        connection = Connection(world.port, address)
        if not await connection.connect():
            await asyncio.sleep(0.05)
            continue
        alive = True
        while alive and time.monotonic() < until:
            sending = asyncio.ensure_future(connection.send(b"".join(make() for _ in range(at_once))))
            for _ in range(at_once):
                status, _ = await connection.answer(5)
                statuses[status] += 1
                if not isinstance(status, int):
                    alive = False
                    break
            sending.cancel()
        connection.close()
    return statuses


async def scrape(world: World) -> tuple[int | str, int]:
    """The size of the metrics, wherever they are served."""
    for port in filter(None, (world.internal_port, world.port)):
        status, body = await ask(port, "127.0.0.1", head("GET", "/metrics"), 30)
        if status == 200:
            return status, len(body)
    return status, 0


async def against(world: World, make: object, at_once: int, of: str) -> Outcome:
    outcome = Outcome()
    until = time.monotonic() + SECONDS
    floods = [flood(world, address, until, make, at_once) for address in addresses(30, 2)]
    for statuses in await asyncio.gather(*floods):
        # A connection that is closed after a response does not count as a failure.
        outcome.expect_refusals(statuses, of)
    status, size = await scrape(world)
    outcome.notes.append(f"/metrics: {status}, {size / 1000:.0f} kB")
    outcome.expect(size < 1_000_000, f"/metrics has {size / 1e6:.1f} MB and more")
    return outcome


def token(length: int) -> str:
    return secrets.token_hex(length // 2).upper()


@attack("methods-long", "H1", 60)
async def long_methods(world: World) -> Outcome:
    targets = ["/healthz", "/api", "/api/transactions/1", "/nowhere", "/api/docs/"]
    return await against(world, lambda: head(token(60_000), secrets.choice(targets)), 1, "methods of 60 kB")


@attack("methods-short", "H1", 60)
async def short_methods(world: World) -> Outcome:
    targets = ["/healthz", "/api", "/api/transactions/1", "/nowhere", "/metrics", "/api-docs"]
    return await against(world, lambda: head(token(16), secrets.choice(targets)), 20, "methods of 16 bytes")


@attack("methods-lower-case", "H1", 60)
async def lower_case_methods(world: World) -> Outcome:
    names = ["get", "gEt", "post", "GET!", "PATCH1", "M-SEARCH", "PROPFIND", "$", "TRACE", "CONNECT"]
    return await against(world, lambda: head(secrets.choice(names) + secrets.token_hex(4), "/healthz"), 20, "methods in lower case")


@attack("paths", "H1", 60)
async def paths(world: World) -> Outcome:
    return await against(world, lambda: head("GET", f"/{secrets.token_hex(8)}/{secrets.token_hex(200)}"), 20, "paths that are not there")
