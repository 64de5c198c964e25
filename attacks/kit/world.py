"""The world of the attacks: accounts of attackers and other users, with data that can be entered within minutes."""

import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from harness.cluster import Cluster
from harness.failure import Failure

from .client import addresses
from .service import App, Server, ask

PEOPLE = 24
ATTACKERS = 26
ROWS_OF_PEOPLE = 120

# A character of four bytes; varied, the database cannot compress it well.
LONG_NOTE = "".join(chr(0x20000 + (n * 7919) % 40000) for n in range(5000))

BIG_ROWS = 1000
HISTORY_EDITS = 1200
CHAIN = 2000
TAGS = 1500


@dataclass
class Account:
    """A registered account."""

    email: str
    password: str
    address: str
    token: str = ""


@dataclass
class World:
    """The data for each attack, which runs in a process of its own."""

    port: int
    pid: int
    internal_port: int | None
    cluster: Cluster
    document: dict
    people: list[Account]
    attackers: list[Account]
    facts: dict[str, object] = field(default_factory=dict)

    @property
    def bulk(self) -> Account:
        """An account with 1,000 transactions."""
        return self.attackers[0]

    @property
    def pages(self) -> Account:
        """An account with 1,000 transactions with the longest possible notes: 20 MB."""
        return self.attackers[1]

    @property
    def history(self) -> Account:
        """An account with a transaction that was changed 1,200 times."""
        return self.attackers[2]

    @property
    def chain(self) -> Account:
        """An account with the deepest possible chain of categories."""
        return self.attackers[3]

    @property
    def tags(self) -> Account:
        """An account with 1,500 tags and payees."""
        return self.attackers[4]

    @property
    def undo(self) -> Account:
        """An account with 1,000 transactions, which are deleted and restored."""
        return self.attackers[5]

    @property
    def plain(self) -> list[Account]:
        """Accounts without data."""
        return self.attackers[6:]

    def body_routes(self) -> list[tuple[str, str, bool]]:
        """Each operation with a body: method, path, and true if it requires a token."""
        routes = []
        for path, operations in self.document["paths"].items():
            for method, operation in operations.items():
                if "requestBody" in operation:
                    signed = bool(operation.get("security", self.document.get("security")))
                    routes.append((method.upper(), path.replace("{id}", "1"), signed))
        return routes

    def list_routes(self) -> list[str]:
        """Each list with a cursor."""
        return [
            path.replace("{id}", "1")
            for path, operations in self.document["paths"].items()
            if any(parameter["name"] == "cursor" for parameter in operations.get("get", {}).get("parameters", []))
        ]

    def database_mb(self) -> float:
        """The size of the database, in MB."""
        return int(self.cluster.sql("select pg_database_size(current_database())")[0][0]) / 1e6

    def written_mb(self) -> float:
        """The total size of the write-ahead log, in MB."""
        return int(self.cluster.sql("select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint")[0][0]) / 1e6


def prepare(app: App, server: Server, cluster: Cluster) -> World:
    """Registers the accounts and enters the data, through the API."""
    document = json.loads(app.run("openapi"))
    places = addresses(10, PEOPLE + ATTACKERS)
    accounts = [Account(f"somebody-{n}@example.com", secrets.token_hex(16), place) for n, place in enumerate(places)]
    people, attackers = accounts[:PEOPLE], accounts[PEOPLE:]
    world = World(server.port, server.pid, server.internal_port, cluster, document, people, attackers)
    # A few at a time, within the limit of requests in progress.
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda account: enter(server, account), accounts))
        list(pool.map(lambda account: spend(server, account), people))
        jobs = [pool.submit(job, server, world) for job in (fill_bulk, fill_pages, fill_history, fill_chain, fill_tags)]
        for job in jobs:
            job.result()
    # As after hours of use, and so that it does not happen during the first attack.
    cluster.sql("vacuum analyze")
    return world


def enter(server: Server, account: Account) -> None:
    credentials = {"email": account.email, "password": account.password}
    expect(201, server, "POST", "/api/auth/register", account, credentials)
    account.token = expect(200, server, "POST", "/api/auth/login", account, credentials)["access_token"]


def expect(status: int, server: Server, method: str, path: str, account: Account, body: object) -> dict:
    got, answer = ask(server.port, method, path, account.token, body, account.address)
    if got != status:
        raise Failure(f"the preparation: {method} {path} was answered {got}, not {status}: {str(answer)[:300]}")
    return answer["data"]


def until_refused(server: Server, method: str, path: str, account: Account, bodies: object) -> list[dict]:
    """Sends requests until one is refused, as it is when a quota is reached."""
    made = []
    for body in bodies:
        status, answer = ask(server.port, method, path, account.token, body, account.address)
        if status not in (200, 201):
            break
        made.append(answer["data"])
    return made


def spend(server: Server, account: Account) -> None:
    for n in range(ROWS_OF_PEOPLE):
        body = {"title": f"Iced coffee {n}", "amount": "75.50", "type": "EXPENSE", "category": "Food & Dining"}
        expect(201, server, "POST", "/api/transactions", account, body)


def transaction(n: int, **fields: object) -> dict:
    return {"title": f"Purchase {n}", "amount": "10.00", "type": "EXPENSE", "category": "Shopping", **fields}


def fill_bulk(server: Server, world: World) -> None:
    for account in (world.bulk, world.undo):
        rows = (transaction(n, note="x" * 500) for n in range(BIG_ROWS))
        world.facts["bulk rows"] = len(until_refused(server, "POST", "/api/transactions", account, rows))


def fill_pages(server: Server, world: World) -> None:
    rows = (transaction(n, note=LONG_NOTE) for n in range(BIG_ROWS))
    world.facts["rows with long notes"] = len(until_refused(server, "POST", "/api/transactions", world.pages, rows))


def fill_history(server: Server, world: World) -> None:
    made = expect(201, server, "POST", "/api/transactions", world.history, transaction(0))
    notes = ({"note": f"{n} {LONG_NOTE[:4900]}"} for n in range(HISTORY_EDITS))
    path = f"/api/transactions/{made['id']}"
    world.facts["history of"] = made["id"]
    world.facts["edits of one transaction"] = len(until_refused(server, "PATCH", path, world.history, notes))


def fill_chain(server: Server, world: World) -> None:
    chain: list[int] = []

    def links() -> object:
        for n in range(CHAIN):
            yield {"name": f"link {n}", "kind": "EXPENSE", **({"parentId": chain[-1]} if chain else {})}

    for body in links():
        status, answer = ask(server.port, "POST", "/api/categories", world.chain.token, body, world.chain.address)
        if status != 201:
            break
        chain.append(answer["data"]["id"])
    world.facts["chain"] = chain
    world.facts["categories deep"] = len(chain)


def fill_tags(server: Server, world: World) -> None:
    for path in ("/api/tags", "/api/payees"):
        names = ({"name": f"{n} " + "x" * 80} for n in range(TAGS))
        world.facts[path.rsplit("/", 1)[1]] = len(until_refused(server, "POST", path, world.tags, names))
