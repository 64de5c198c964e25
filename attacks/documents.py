"""Routes without authentication: documentation, metrics, health (M5); and malformed HTTP (Low)."""

import asyncio
import time
from collections import Counter

from kit.attack import Outcome, attack
from kit.client import CLOSED, Connection, addresses, ask, head
from kit.world import World

SECONDS = 12


@attack("documents", "M5", 60)
async def documents(world: World) -> Outcome:
    """Requests the largest documents, compressed, sixteen at a time."""
    outcome = Outcome()
    gzip = [("Accept-Encoding", "gzip")]
    requests = [head("GET", path, gzip) for path in
                ("/api/docs/swagger-ui-bundle.js", "/api/docs/swagger-ui.css", "/api/openapi.json", "/metrics", "/readyz", "/healthz")]
    until = time.monotonic() + SECONDS
    statuses: Counter = Counter()

    async def work(place: str, turn: int) -> None:
        while time.monotonic() < until:
            turn += 1
            # Mostly the largest.
            status, _ = await ask(world.port, place, requests[turn % 12 if turn % 12 < 6 else 0], 20)
            statuses[status] += 1

    await asyncio.gather(*(work(place, n) for n, place in enumerate(addresses(80, 16))))
    outcome.expect_no_faults(statuses, "documents")
    status, body = await ask(world.port, "127.81.0.1", head("GET", "/metrics"))
    outcome.expect(status != 200, f"/metrics is public: {status}, {len(body)} bytes")
    status, body = await ask(world.port, "127.81.0.1", head("GET", "/readyz"))
    outcome.expect(len(body) < 400, f"/readyz tells {len(body)} bytes to anybody")
    return outcome


def letters() -> list[tuple[str, bytes]]:
    """Sends requests that RFC 9112 requires to be refused."""
    post = b"POST /api/auth/login HTTP/1.1\r\n"
    host = b"Host: localhost\r\n"
    json = b"Content-Type: application/json\r\n"
    return [
        ("no Host", b"GET /api HTTP/1.1\r\n\r\n"),
        ("two Hosts", b"GET /api HTTP/1.1\r\n" + host + b"Host: other\r\n\r\n"),
        ("gzip, chunked", post + host + json + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        ("chunked, gzip", post + host + json + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
        ("length and chunked", post + host + json + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("two lengths", post + host + json + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
        ("length below zero", post + host + json + b"Content-Length: -1\r\n\r\n{}"),
        ("length of 10^30", post + host + json + b"Content-Length: 1" + b"0" * 30 + b"\r\n\r\n{}"),
        ("length of 2 MB", post + host + json + b"Content-Length: 2000000\r\n\r\n{}"),
        ("length of 10^18", post + host + json + b"Content-Length: 1" + b"0" * 18 + b"\r\n\r\n{}"),
        ("chunk of 2^64", post + host + json + b"Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n{}"),
        ("chunk with no size", post + host + json + b"Transfer-Encoding: chunked\r\n\r\n\r\n{}\r\n0\r\n\r\n"),
        ("blank before the colon", b"GET /api HTTP/1.1\r\nHost : localhost\r\n\r\n"),
        ("folded line", b"GET /api HTTP/1.1\r\n" + host + b"X-A: 1\r\n 2\r\n\r\n"),
        ("zero byte", b"GET /api HTTP/1.1\r\n" + host + b"X-A: a\x00b\r\n\r\n"),
        ("version 3", b"GET /api HTTP/3.0\r\n" + host + b"\r\n"),
        ("version 2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ("no version", b"GET /api\r\n\r\n"),
        ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500),
        ("noise", bytes(range(256)) * 20),
    ]


@attack("letter-of-http", "Low", 60)
async def letter(world: World) -> Outcome:
    outcome = Outcome()
    places = iter(addresses(82, 200))
    for name, request in letters():
        status, _ = await ask(world.port, next(places), request, 15)
        outcome.expect_refusals(Counter({status: 1}), name)
    # An endless body: the server has to end it early.
    headers = [("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")]
    for path in ("/api/auth/login", "/api/auth/register", "/nowhere", "/healthz", "/api/transactions"):
        connection = Connection(world.port, next(places))
        if not await connection.connect():
            continue
        await connection.send(head("POST", path, headers))
        sent, alive = 0, True
        while alive and sent < 20_000_000:
            alive = await connection.send(b"10000\r\n" + b" " * 65536 + b"\r\n", 5)
            sent += 65536
        outcome.expect(not alive, f"{path}: 20 MB of an endless body were taken")
        status, _ = await connection.answer(2)
        outcome.statuses[status if isinstance(status, int) else CLOSED] += 1
        connection.reset()
    return outcome
