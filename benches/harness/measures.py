"""The measurements, one figure or table per function."""

import http.client
import json
import time
from dataclasses import dataclass
from statistics import median

from . import load
from .cluster import Cluster
from .failure import Failure
from .load import Http
from .peer import Peer
from .programs import Tools
from .report import progress
from .seed import READER_ROWS, Seeded
from .service import App, Memory, Server

@dataclass(frozen=True)
class LoadKind:
    """An operation that is measured."""

    title: str
    plain: str | None = None
    """The script of the plainest statement that does such a thing."""
    is_copied: bool = True
    """Whether pgbench runs the same statements, too."""


# Creating and changing come last, because the other loads are measured on the seed as it is.
LOADS = {
    "read": LoadKind("single read"),
    "list": LoadKind("a day of 20"),
    "page": LoadKind("page of 20", "plain_page"),
    "page_one": LoadKind("…, one filter", "plain_page"),
    "page_two": LoadKind("…, two filters", "plain_page"),
    "dashboard": LoadKind("dashboard"),
    "create": LoadKind("create", "plain_create"),
    "bulk": LoadKind("bulk of 30", "plain_bulk", is_copied=False),
}

# The undisturbed load of the flood: 4 connections with a pause before each request, so that the processor is not saturated.
READERS, PAUSE_MS = 4, 5
LOGINS = 16

SLOW_BYTES_A_SECOND = 4_000_000


def start(app: App, times: int) -> list[float]:
    """The time from creating the process to the first 200 of `GET /readyz`, in seconds, on a migrated database."""
    took = []
    for _ in range(times):
        server = Server(app)
        try:
            took.append(server.wait())
        finally:
            server.stop()
    return took


@dataclass
class MemoryFigures:
    """Memory in MB."""

    idle: Memory
    lists: dict[str, float]
    """The peak of each whole list above the memory before it."""
    list_bytes: int
    after: Memory


def memory(app: App, seeded: Seeded) -> MemoryFigures:
    """Measures a freshly started server after one request; then whole lists of 100,000 rows."""
    progress("memory")
    with app.serve() as server:
        time.sleep(0.5)
        idle = server.memory()
        lists, size = {}, 0
        for name, encoding, pace in (("", "identity", None), (", slow reader", "identity", SLOW_BYTES_A_SECOND), (", gzip", "gzip", None)):
            server.reset_peak()
            body = whole_list(server, seeded, encoding, pace)
            # Relative to idle and not to the state just before, which earlier lists may have raised.
            lists[name] = server.peak() - idle.rss
            if encoding == "identity":
                size = len(body)
                check_list(body)
        return MemoryFigures(idle, lists, size, server.memory())


def whole_list(server: Server, seeded: Seeded, encoding: str, pace: float | None) -> bytes:
    """Reads the list to its end, at most `pace` bytes per second."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    headers = {"Authorization": f"Bearer {seeded.reader_token}", "Accept-Encoding": encoding}
    began = time.monotonic()
    connection.request("GET", "/api/transactions", headers=headers)
    response = connection.getresponse()
    body = bytearray()
    while piece := response.read(65536):
        body += piece
        if pace:
            time.sleep(max(0.0, began + len(body) / pace - time.monotonic()))
    connection.close()
    if response.status != 200:
        raise Failure(f"the list was answered {response.status}: {bytes(body[:200])!r}")
    return bytes(body)


def check_list(body: bytes) -> None:
    rows = len(json.loads(body)["data"])
    if rows < READER_ROWS:
        raise Failure(f"the list has {rows} rows, not {READER_ROWS}")


@dataclass
class LoadFigures:
    """The results of all rounds."""

    name: str
    http: list[Http]
    pgbench: list[float]
    plain: list[float]
    after: Memory

    @property
    def ratios(self) -> list[float]:
        """The ratios to the same statements. The parts of a round are adjacent in time, so that other load affects all."""
        return [http.rate / limit for http, limit in zip(self.http, self.pgbench)]

    @property
    def plain_ratios(self) -> list[float]:
        """The ratios to the plainest statement."""
        return [http.rate / limit for http, limit in zip(self.http, self.plain)]


def loads(tools: Tools, cluster: Cluster, app: App, seeded: Seeded, rounds: int, seconds: int,
          connections: int) -> list[LoadFigures]:
    """Runs each operation by pgbench and over HTTP in turns, with as many connections, on a server of its own."""
    figures = []
    for name, kind in LOADS.items():
        progress(name)
        with app.serve() as server:
            check_answers(server, seeded)
            scripts = [name] * kind.is_copied + [kind.plain] * (kind.plain is not None)
            # Not measured: fills the caches, the pool, and the server's prepared statements.
            for script in scripts:
                load.pgbench(tools, cluster, seeded, script, connections, 2)
            load.http(tools, server, seeded, name, connections, 2)
            limits: dict[str, list[float]] = {script: [] for script in scripts}
            answered = []
            for _ in range(rounds):
                for script in scripts:
                    limits[script].append(load.pgbench(tools, cluster, seeded, script, connections, seconds))
                answered.append(load.http(tools, server, seeded, name, connections, seconds))
            figures.append(LoadFigures(kind.title, answered, limits.get(name, []), limits.get(kind.plain or "", []), server.memory()))
    return figures


@dataclass
class TurnFigures:
    """The results of all rounds of two builds: this one and the other."""

    name: str
    this: list[Http]
    other: list[Http]
    idle: tuple[Memory, Memory]
    after: tuple[Memory, Memory]

    @property
    def ratios(self) -> list[float]:
        """The rate of this build divided by the other's, per round."""
        return [this.rate / other.rate for this, other in zip(self.this, self.other)]


def turns(tools: Tools, builds: list[tuple[App, Seeded]], rounds: int, seconds: int, connections: int) -> list[TurnFigures]:
    """Runs each load on both builds in turns. The first build alternates, so that no build always follows the other."""
    figures = []
    for name in LOADS:
        progress(name)
        with builds[0][0].serve() as this, builds[1][0].serve() as other:
            servers = (this, other)
            time.sleep(1)
            idle = (this.memory(), other.memory())
            for server, (_, seeded) in zip(servers, builds):
                check_answers(server, seeded)
                load.http(tools, server, seeded, name, connections, 2)
            answered: tuple[list[Http], list[Http]] = ([], [])
            for number in range(rounds):
                for one in (0, 1) if number % 2 == 0 else (1, 0):
                    answered[one].append(load.http(tools, servers[one], builds[one][1], name, connections, seconds))
            figures.append(TurnFigures(LOADS[name].title, *answered, idle, (this.memory(), other.memory())))
    return figures


@dataclass
class PeerFigures:
    """The results of all rounds of this service and of the peer."""

    name: str
    this: list[Http]
    peer: list[Http]

    @property
    def ratios(self) -> list[float]:
        return [this.rate / peer.rate for this, peer in zip(self.this, self.peer)]


def peers(tools: Tools, app: App, seeded: Seeded, peer: Peer, rounds: int, seconds: int, connections: int) -> list[PeerFigures]:
    """Runs the loads that the peer has, too, on both in turns."""
    figures = []
    with app.serve() as server:
        for name in ("read", "page", "create"):
            progress(f"{name}, and that of PocketBase")
            load.http(tools, server, seeded, name, connections, 2)
            load.of_peer(tools, peer, name, connections, 2)
            pairs = [(load.http(tools, server, seeded, name, connections, seconds), load.of_peer(tools, peer, name, connections, seconds))
                     for _ in range(rounds)]
            figures.append(PeerFigures(LOADS[name].title, [this for this, _ in pairs], [other for _, other in pairs]))
    return figures


def check_answers(server: Server, seeded: Seeded) -> None:
    """Checks the responses to the loads' requests once; during the loads only the status is checked."""
    token = seeded.reader_token
    one = server.expect(200, "GET", f"/api/transactions/{seeded.first_id}", token)
    twenty = server.expect(200, "GET", "/api/transactions/filter?startDate=2020-02-03&endDate=2020-02-03", token)
    if one["id"] != seeded.first_id or len(twenty) != 20:
        raise Failure(f"the seed is not what it should be: {one}, {len(twenty)} rows of a day")
    writer = seeded.tokens.read_text().splitlines()[1]
    if server.expect(200, "GET", "/api/transactions/dashboard", writer)["transactionCount"] == 0:
        raise Failure("the dashboard has nothing to sum up")


@dataclass
class FloodFigures:
    """The results of all rounds: reads alone, reads during the flood, and the flood."""

    calm: list[Http]
    flooded: list[Http]
    logins: list[Http]

    @property
    def ratio(self) -> float:
        return median(flooded.p99_ms / calm.p99_ms for calm, flooded in zip(self.calm, self.flooded))


def flood(tools: Tools, app: App, seeded: Seeded, rounds: int, seconds: int) -> FloodFigures:
    """Measures reads, undisturbed and while others try wrong passwords on many accounts."""
    progress("login flood")
    calm, flooded, logins = [], [], []
    with app.serve() as server:
        load.http(tools, server, seeded, "read", READERS, 2, PAUSE_MS)
        for _ in range(rounds):
            calm.append(load.http(tools, server, seeded, "read", READERS, seconds, PAUSE_MS))
            attack = load.of_server(tools, server, seeded, "login", LOGINS, seconds + 2)
            try:
                time.sleep(1)
                flooded.append(load.http(tools, server, seeded, "read", READERS, seconds, PAUSE_MS))
                logins.append(attack.result(refusals=True))
            finally:
                attack.stop()
            if logins[-1].refused != logins[-1].requests:
                raise Failure("a wrong password was let in")
    return FloodFigures(calm, flooded, logins)
