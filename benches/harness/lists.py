"""The time of a page of 50, with each filter in each order, of one user's 1,000,000 transactions among 5,000,000, and of
changing 100,000 at once."""

import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from urllib.parse import quote

from .cluster import Cluster
from .failure import Failure
from .report import progress
from .seed import BENCHES
from .service import App, Server

DATABASE = "bench_lists"
OWN, OTHERS, EACH = 1_000_000, 40, 100_000
TIMES = 25
PAGE = 50
FAR = 10_000
SORTS = ("-date", "date", "-amount", "amount")
FILTERS = {
    "none": "",
    "a month": "&startDate=2020-03-01&endDate=2020-03-31",
    "a year": "&startDate=2020-01-01&endDate=2020-12-31",
    "a day": "&startDate=2020-03-01&endDate=2020-03-01",
    "type, rare": "&type=INCOME",
    "type, common": "&type=EXPENSE",
    "category": "&category=" + quote("Food & Dining 1"),
    "category with those below": "&category=" + quote("Food & Dining"),
    "tag, common": "&tag=tag%201",
    "tag, rare": "&tag=tag%2030",
    "payee, common": "&payee=Payee%201",
    "payee, rare": "&payee=Payee%20480",
    "currency, rare": "&currency=EUR",
    "amount, few": "&minAmount=4990",
    "amount, fewest": "&maxAmount=1.01",
    "amount, most": "&minAmount=2",
    "a common word": "&q=coffee",
    "a rare word": "&q=zanzibar",
    "a part of a word": "&q=nzib",
    "a payee's name": "&q=payee%20480",
    "a word that is nowhere": "&q=quokka",
    "two words, one rare": "&q=coffee%20zanzibar",
    "a word of one row in 140": "&q=weekend",
    "two common words, one row in 270": "&q=coffee%20lunch",
}


@dataclass
class ListFigures:
    """Times in milliseconds; of the bulk changes, in seconds."""

    pages: dict[str, list[float]] = field(default_factory=dict)
    """The median in each order, by filter."""
    first: float = 0
    far: float = 0
    bulk: dict[str, float] = field(default_factory=dict)
    bulk_rows: int = 0
    peak_mb: float = 0


def measure(cluster: Cluster, app: App, folder: Path) -> ListFigures:
    progress(f"{OWN + OTHERS * EACH:,} transactions, which takes some minutes")
    cluster.sql(f"create database {DATABASE}")
    url = cluster.url.rsplit("/", 1)[0] + "/" + DATABASE
    own = App(app.binary, url, folder, "warn")
    own.migrate()
    account = {"email": "list-0@example.com", "password": secrets.token_hex(12)}
    with own.serve() as server:
        server.expect(201, "POST", "/api/auth/register", body=account)
        seed = (BENCHES / "seed-lists.sql").read_text()
        cluster.sql(f"\\set own {OWN}\n\\set others {OTHERS}\n\\set each {EACH}\n{seed}", DATABASE)
        cluster.sql("vacuum analyze", DATABASE)
        # Flushes recent writes now and not while pages are timed.
        cluster.sql("checkpoint", DATABASE)
        token = server.expect(200, "POST", "/api/auth/login", body=account)["access_token"]
        figures = ListFigures()
        for name, query in FILTERS.items():
            progress(name)
            figures.pages[name] = [timed_page(server, token, f"&sort={sort}{query}") for sort in SORTS]
        progress(f"page {FAR:,}")
        figures.first, figures.far = first_and_far(server, token)
        progress("bulk")
        bulk(server, token, figures)
        figures.peak_mb = server.peak()
    cluster.sql(f"drop database {DATABASE} with (force)")
    return figures


def page(server: Server, token: str, query: str) -> tuple[float, dict]:
    begun = time.perf_counter()
    status, answer = server.ask("GET", f"/api/transactions?limit={PAGE}{query}", token)
    took = (time.perf_counter() - begun) * 1000
    if status != 200:
        raise Failure(f"a page was answered with {status}: {answer}")
    return took, answer


def timed_page(server: Server, token: str, query: str) -> float:
    return median(page(server, token, query)[0] for _ in range(TIMES))


def first_and_far(server: Server, token: str) -> tuple[float, float]:
    cursor = ""
    for _ in range(FAR - 1):
        cursor = "&cursor=" + page(server, token, cursor)[1]["meta"]["page"]["nextCursor"]
    # In turns, so that other load on the machine affects both.
    pairs = [(page(server, token, "")[0], page(server, token, cursor)[0]) for _ in range(200)]
    return median(first for first, _ in pairs), median(far for _, far in pairs)


def bulk(server: Server, token: str, figures: ListFigures) -> None:
    """The transactions of a year, about 100,000."""
    year = {"startDate": "2020-01-01", "endDate": "2020-12-31"}

    def timed(method: str, path: str, body: dict | None = None) -> tuple[float, dict]:
        begun = time.perf_counter()
        status, answer = server.ask(method, path, token, body)
        if status != 200:
            raise Failure(f"{method} {path} was answered with {status}: {answer}")
        return time.perf_counter() - begun, answer

    moved = {"filter": year, "set": {"category": "Moved"}}
    figures.bulk["counted (dryRun)"], _ = timed("PATCH", "/api/transactions", moved | {"dryRun": True})
    server.reset_peak()
    for name, method, body in [
        ("another category", "PATCH", moved),
        ("a tag and a note", "PATCH", {"filter": year, "set": {"addTags": ["bulk"], "note": "moved"}}),
        ("deleted", "DELETE", {"filter": year}),
    ]:
        figures.bulk[name], answer = timed(method, "/api/transactions", body)
        figures.bulk_rows = max(figures.bulk_rows, answer["data"]["changed"])
        operation = answer["meta"]["operationId"]
        figures.bulk[f"{name}, undone"], _ = timed("POST", f"/api/operations/{operation}/undo")
