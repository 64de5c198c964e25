"""Fills the database."""

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


# The filters of the loads that read pages.
PAGES = {"page": "", "page_one": "&category=Food%20%26%20Dining", "page_two": "&category=Food%20%26%20Dining&minAmount=100"}

# Tables of the plainest kind, with the writers' rows in one of them.
PLAIN_TABLES = """
    create table plain_rows (id bigint generated always as identity primary key, user_id bigint not null, title text not null, amount numeric(16, 4) not null);
    create index on plain_rows (user_id);
    create table plain_many (user_id bigint, number bigint, title text not null, note text, primary key (user_id, number));
    create index on plain_many (user_id, title);
    insert into plain_many select u.id, n, 'title ' || n % 15, null from users u, generate_series(1, 1000) n order by n, u.id;
    vacuum analyze plain_many;
"""


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
    food: int
    """The reader's category `Food & Dining`."""
    cursors: dict[str, Path]
    """Files with the cursors of pages all over a list, by the name of the load."""

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
        token = tokens.read_text().splitlines()[0]
        cursors = {name: cursors_of(server, token, app.folder / f"{name}.cursors", query) for name, query in PAGES.items()}
    food = int(cluster.sql(f"select id from categories where user_id = {reader} and name = 'Food & Dining'")[0][0])
    cluster.sql(PLAIN_TABLES)
    rows = cluster.sql(f"select min(id), max(id), count(*) from transactions where user_id = {reader}")
    first_id, last_id, count = map(int, rows[0])
    users = cluster.sql(f"select min(id), max(id), count(*) from users where id <> {reader}")
    first_user, last_user, others = map(int, users[0])
    # The loads choose random ids between the first and the last, so all of them must exist.
    if (count, others) != (READER_ROWS, WRITERS) or last_id - first_id + 1 != count or last_user - first_user + 1 != others:
        raise Failure(f"the seed is not what it should be: {rows}, {users}")
    return Seeded(reader, first_id, last_id, first_user, last_user, dates(cluster), tokens, food, cursors)


def cursors_of(server: Server, token: str, file: Path, query: str) -> Path:
    """Cursors of every 500th row of a list."""
    cursors, cursor = [], ""
    while True:
        status, answer = server.ask("GET", f"/api/transactions?limit=500{query}{cursor}", token)
        if status != 200:
            raise Failure(f"a page was answered with {status}: {answer}")
        following = answer["meta"]["page"]["nextCursor"]
        if not following:
            file.write_text("\n".join(cursors) + "\n")
            return file
        cursors.append(following)
        cursor = f"&cursor={following}"


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
