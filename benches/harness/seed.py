"""Fills the database, and checks that pgbench runs the statements that the server sends."""

import json
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from .cluster import Cluster
from .failure import Failure
from .programs import PROJECT
from .service import App, Server

BENCHES = PROJECT / "benches"
WRITERS = 100
READER_ROWS = 100_000


@dataclass
class Seeded:
    """The contents of the database."""

    reader: int
    """The user with 100,000 transactions."""
    first_id: int
    last_id: int
    first_user: int
    """The users with 1,000 each."""
    last_user: int
    dates: dict[str, str]
    """Today and the bounds of the dashboard's months, as numbers for pgbench: 20261123."""
    tokens: Path
    """A file with a token per line: the reader's, then the writers'."""

    @property
    def reader_token(self) -> str:
        return self.tokens.read_text().splitlines()[0]


def fill(cluster: Cluster, app: App) -> Seeded:
    """Seeds a migrated database. The users are registered and logged in by the server itself."""
    password = secrets.token_hex(12)
    with app.serve() as server:
        account = {"email": "bench-0@example.com", "password": password}
        reader = server.expect(201, "POST", "/api/auth/register", body=account)["id"]
        cluster.sql((BENCHES / "seed.sql").read_text())
        tokens = app.folder / "tokens"
        tokens.write_text("\n".join(log_in(server, n, password) for n in range(WRITERS + 1)) + "\n")
    rows = cluster.sql(f"select min(id), max(id), count(*) from transactions where user_id = {reader}")
    first_id, last_id, count = map(int, rows[0])
    users = cluster.sql(f"select min(id), max(id), count(*) from users where id <> {reader}")
    first_user, last_user, others = map(int, users[0])
    # The loads choose random ids between the first and the last, so all of them must exist.
    if (count, others) != (READER_ROWS, WRITERS) or last_id - first_id + 1 != count or last_user - first_user + 1 != others:
        raise Failure(f"the seed is not what it should be: {rows}, {users}")
    return Seeded(reader, first_id, last_id, first_user, last_user, dates(cluster), tokens)


def log_in(server: Server, n: int, password: str) -> str:
    body = {"email": f"bench-{n}@example.com", "password": password}
    return server.expect(200, "POST", "/api/auth/login", body=body)["access_token"]


def dates(cluster: Cluster) -> dict[str, str]:
    rows = cluster.sql("""
        select to_char(today, 'YYYYMMDD'), to_char(month - interval '1 month', 'YYYYMMDD'), to_char(month, 'YYYYMMDD'),
            to_char(month + interval '1 month', 'YYYYMMDD')
        from (select now() at time zone 'Asia/Bangkok') as now (today), date_trunc('month', today) as month
    """)
    return dict(zip(("today", "previous", "first", "next"), rows[0]))


# The last column of a transaction that the server reads.
COLUMNS_END = "t.category_reason"


def check_statements() -> None:
    """Checks the scripts: a statement that the server does not send any more would silently falsify the ratios."""
    sent = {bare(json.loads(file.read_text())["query"]) for file in (PROJECT / ".sqlx").glob("query-*.json")}
    for script in sorted((BENCHES / "pgbench").glob("*.sql")):
        lines = [line for line in script.read_text().splitlines() if not line.startswith(("--", r"\set"))]
        statements = "\n".join(lines).replace(r"\gset", ";").split(";")
        for statement in map(bare, statements):
            # The server puts these together from its list of columns, so that .sqlx does not have them: compare them by hand.
            if statement.endswith(COLUMNS_END) or COLUMNS_END + " from" in statement:
                continue
            if statement and statement not in {"begin", "commit"} and statement not in sent:
                raise Failure(f"the server sends no such statement (by .sqlx): bring {script} up to date\n  {statement}")


def bare(statement: str) -> str:
    """A statement without irrelevant differences: white space, and names of parameters. pgbench has no null parameters."""
    return " ".join(re.sub(r"\$\d+|(?<!:):[a-z_]+|\bnull\b", "?", statement).split())
