"""A client of its own account, and what it knows must be there: each answer is compared with it."""

import http.client
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

TITLES = ("coffee", "bread market", "train ticket", "rent", "cinema", "salary", "ข้าวมันไก่", "dinner with friends")
CATEGORIES = ("Food", "Transport", "Home", "Fun")
TAGS = ("holiday", "work", "shared", "cash")
PAYEES = ("Kuang Heng", "City Rail", "Landlord", "Café Édith")
FIRST_DAY = date(2026, 1, 1)


class WrongAnswer(Exception):
    """An answer that is not what the model has."""


@dataclass(frozen=True)
class Row:
    """A transaction as the client entered it."""

    id: int
    title: str
    amount: Decimal
    type: str
    date: str
    category: str
    payee: str | None
    tags: frozenset[str]
    note: str | None

    def shown(self) -> tuple:
        return (self.id, self.title, self.amount, self.type, self.date, self.category, self.payee, self.tags, self.note)


def row(data: dict) -> Row:
    amount = Decimal(str(data["amount"]))
    return Row(data["id"], data["title"], amount, data["type"], data["date"][:10], data["category"], data["payee"], frozenset(data["tags"]), data["note"])


@dataclass
class Client:
    """One user with one connection at a time. Its own changes are the only ones of its account."""

    port: int
    address: str
    seed: int
    rows: dict[int, Row] = field(default_factory=dict)
    undoable: list[tuple[int, dict[int, Row]]] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.connection: http.client.HTTPConnection | None = None
        self.token = ""
        email = f"pooler-{self.seed}@example.com"
        body = {"email": email, "password": "correct horse battery staple", "name": "Pooler"}
        self.patiently(201, "/api/auth/register", body)
        credentials = {"email": email, "password": body["password"]}
        self.token = self.patiently(200, "/api/auth/login", credentials)["data"]["access_token"]

    def patiently(self, wanted: int, path: str, body: object) -> dict:
        """All clients begin at once, and hashing their passwords may take a slow machine too long at first."""
        for _ in range(60):
            status, answer = self.ask("POST", path, body)
            if status not in (408, 503):
                break
            time.sleep(1)
        if status != wanted:
            raise WrongAnswer(f"{path} was answered {status}: {answer}")
        return answer

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, dict]:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        text = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            text = json.dumps(body)
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60, source_address=(self.address, 0))
        try:
            self.connection.request(method, path, text, headers)
            response = self.connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            self.connection = None
            raise
        return response.status, json.loads(content)

    def expect(self, status: int, method: str, path: str, body: object = None) -> dict:
        got, answer = self.ask(method, path, body)
        self.seen[str(got)] += 1
        if got != status:
            raise WrongAnswer(f"{method} {path} was answered {got}, not {status}: {answer}")
        return answer

    def run(self, seconds: float) -> None:
        """Random requests; after a wrong answer the model is read anew, so that each fault counts once."""
        end = time.monotonic() + seconds
        requests = ([self.create] * 6 + [self.page] * 8 + [self.walk] * 2 + [self.read] * 3 + [self.names] * 2 + [self.edit] * 2
                    + [self.delete] + [self.undo] * 2 + [self.bulk] + [self.dashboard])
        while time.monotonic() < end:
            request = self.random.choice(requests)
            try:
                request()
            except (WrongAnswer, OSError, http.client.HTTPException, KeyError, TypeError, ValueError) as error:
                self.wrong.append(f"{request.__name__}: {type(error).__name__}: {error}"[:500])
                self.read_anew()

    def read_anew(self) -> None:
        self.undoable.clear()
        try:
            status, answer = self.ask("GET", "/api/transactions")
            if status == 200:
                self.rows = {data["id"]: row(data) for data in answer["data"]}
        except (OSError, http.client.HTTPException, ValueError):
            pass

    def changed(self, answer: dict, rows: dict[int, Row]) -> None:
        """Notes a change, and what was before it for its undo."""
        self.undoable.append((answer["meta"]["operationId"], dict(self.rows)))
        self.rows = rows

    def create(self) -> None:
        pick = self.random
        day = FIRST_DAY + timedelta(days=pick.randrange(120))
        body = {"title": f"{pick.choice(TITLES)} {pick.randrange(5)}", "amount": f"{pick.randrange(1, 50000) / 100:.2f}", "date": day.isoformat(),
                "type": pick.choice(("EXPENSE", "EXPENSE", "INCOME")), "category": pick.choice(CATEGORIES),
                "tags": pick.sample(TAGS, pick.randrange(3))}
        if pick.random() < 0.6:
            body["payee"] = pick.choice(PAYEES)
        answer = self.expect(201, "POST", "/api/transactions", body)
        made = row(answer["data"])
        meant = Row(made.id, body["title"], Decimal(body["amount"]), body["type"], body["date"], body["category"], body.get("payee"),
                    frozenset(body["tags"]), None)
        self.same(made, meant, "create")
        self.changed(answer, {**self.rows, made.id: made})

    def same(self, got: object, meant: object, what: str) -> None:
        if got != meant:
            raise WrongAnswer(f"{what}: {got} is not {meant}")

    def criteria(self) -> tuple[dict[str, str], list[Row]]:
        """A filter of up to three criteria, and the rows that it finds."""
        pick, query, rows = self.random, {}, list(self.rows.values())
        for name in pick.sample(("type", "category", "tag", "payee", "amount", "days", "q"), pick.choice((0, 0, 1, 1, 2, 3))):
            if name == "type":
                query["type"] = pick.choice(("INCOME", "EXPENSE"))
                rows = [row for row in rows if row.type == query["type"]]
            elif name == "category":
                query["category"] = pick.choice(CATEGORIES)
                rows = [row for row in rows if row.category == query["category"]]
            elif name == "tag":
                query["tag"] = pick.choice(TAGS)
                rows = [row for row in rows if query["tag"] in row.tags]
            elif name == "payee":
                query["payee"] = pick.choice(PAYEES)
                rows = [row for row in rows if row.payee == query["payee"]]
            elif name == "amount":
                low, high = sorted((pick.randrange(1, 500), pick.randrange(1, 500)))
                query |= {"minAmount": str(low), "maxAmount": str(high)}
                rows = [row for row in rows if low <= row.amount <= high]
            elif name == "days":
                first, last = sorted(pick.sample(range(120), 2))
                query |= {"startDate": str(FIRST_DAY + timedelta(first)), "endDate": str(FIRST_DAY + timedelta(last))}
                rows = [row for row in rows if query["startDate"] <= row.date <= query["endDate"]]
            else:
                query["q"] = pick.choice(("coffee", "ticket train", "friends", "ไก่", "landlord", "edith"))
                words = query["q"].split()
                rows = [row for row in rows if all(word in folded(f"{row.title} {row.payee or ''}") for word in words)]
        order = pick.choice(("-date", "date", "-amount", "amount", None))
        if order:
            query["sort"] = order
        key = (lambda row: (row.amount, row.id)) if "amount" in (order or "") else (lambda row: (row.date, row.id))
        return query, sorted(rows, key=key, reverse=order not in ("date", "amount"))

    def listed(self, query: dict[str, str]) -> dict:
        return self.expect(200, "GET", "/api/transactions?" + urlencoded(query))

    def page(self) -> None:
        query, rows = self.criteria()
        limit = self.random.choice((5, 20, 50))
        answer = self.listed({**query, "limit": str(limit)})
        self.same([row(data).shown() for data in answer["data"]], [row.shown() for row in rows[:limit]], f"a page of {query}")

    def walk(self) -> None:
        query, rows = self.criteria()
        got, cursor = [], None
        for _ in range(4):
            answer = self.listed({**query, "limit": "7", **({"cursor": cursor} if cursor else {})})
            got += [row(data) for data in answer["data"]]
            cursor = answer["meta"]["page"].get("nextCursor")
            if not cursor:
                break
        self.same([row.id for row in got], [row.id for row in rows[:28]], f"a walk of {query}")

    def read(self) -> None:
        if self.rows:
            known = self.random.choice(list(self.rows.values()))
            self.same(row(self.expect(200, "GET", f"/api/transactions/{known.id}")["data"]), known, "a row")
        # Ids of others are never found.
        missing = max(self.rows, default=1) + self.random.choice((1, 2, 3))
        if missing not in self.rows:
            self.expect(404, "GET", f"/api/transactions/{missing}")

    def names(self) -> None:
        kind, names, of = self.random.choice((("tags", TAGS, lambda row: row.tags), ("payees", PAYEES, lambda row: {row.payee})))
        answer = self.expect(200, "GET", f"/api/{kind}?counts=true")
        got = {data["name"]: data["transactionCount"] for data in answer["data"] if data["transactionCount"]}
        used = Counter(name for row in self.rows.values() for name in of(row) if name)
        self.same(got, dict(used), kind)

    def edit(self) -> None:
        if not self.rows:
            return
        known = self.random.choice(list(self.rows.values()))
        change = {"note": f"note {self.random.randrange(1000)}", "tags": self.random.sample(TAGS, 2)}
        answer = self.expect(200, "PATCH", f"/api/transactions/{known.id}", change)
        meant = Row(**{**known.__dict__, "note": change["note"], "tags": frozenset(change["tags"])})
        self.same(row(answer["data"]), meant, "an edit")
        self.changed(answer, {**self.rows, known.id: meant})

    def delete(self) -> None:
        if not self.rows:
            return
        known = self.random.choice(list(self.rows))
        answer = self.expect(200, "DELETE", f"/api/transactions/{known}")
        self.changed(answer, {key: row for key, row in self.rows.items() if key != known})

    def bulk(self) -> None:
        kind = self.random.choice(("INCOME", "EXPENSE"))
        note = f"bulk {self.random.randrange(1000)}"
        answer = self.expect(200, "PATCH", "/api/transactions", {"filter": {"type": kind}, "set": {"note": note}})
        after = {key: Row(**{**row.__dict__, "note": note}) if row.type == kind else row for key, row in self.rows.items()}
        self.same(answer["data"]["matched"], sum(row.type == kind for row in self.rows.values()), "a bulk change")
        if after != self.rows:
            self.changed(answer, after)

    def undo(self) -> None:
        if self.undoable:
            operation, before = self.undoable.pop()
            self.expect(200, "POST", f"/api/operations/{operation}/undo")
            self.rows = before

    def dashboard(self) -> None:
        self.expect(200, "GET", "/api/transactions/dashboard")


def folded(text: str) -> str:
    return text.lower().replace("é", "e")


def urlencoded(query: dict[str, str]) -> str:
    from urllib.parse import urlencode

    return urlencode(query)
