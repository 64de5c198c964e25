"""Checks that pgbench runs the statements that the server sends: a copy that it does not send any more would silently falsify the
ratios. They are read from PostgreSQL's log, because some are put together while the server runs."""

import re
import time

from .cluster import Cluster
from .failure import Failure
from .seed import BENCHES, PAGES, Seeded
from .service import App, Server

ENTRY = re.compile(r"^\S+ \S+ \S+ \[(\d+)\] LOG:  (?:statement|execute [^:]+): ")

# The test of a connection that was idle for a second.
TEST = "select now() <> statement_timestamp()"


def check(cluster: Cluster, app: App, seeded: Seeded) -> None:
    """Compares all that a request of each load sends with the load's script."""
    with app.serve() as server:
        for name in requests(seeded):
            # The first of a connection also asks for types, and a writer who has not been counted yet is counted.
            send(server, seeded, name)
            until_counted(cluster, seeded)
            set_log(cluster, "all")
            log = cluster.data.parent / "log"
            begin = log.stat().st_size
            send(server, seeded, name)
            set_log(cluster, "none")
            text = log.read_bytes()[begin:].decode()
            script = statements_of((BENCHES / "pgbench" / f"{name}.sql").read_text())
            sent = [[one for one in session if not one.startswith(TEST)] for session in by_session(text).values()]
            # One after the other; before and after them a job may have used the session.
            if not any(session[at:at + len(script)] == script for session in sent for at in range(len(session))):
                said = "\n".join(one for session in sent for one in session if one.startswith(("with", "select t.", "insert", "begin")))
                raise Failure(f"the server sends other statements than benches/pgbench/{name}.sql has: bring it up to date\n{said}")


def requests(seeded: Seeded) -> dict[str, tuple[str, str, object]]:
    """A request of each load that has a script with the same statements: method, path, body."""
    found: dict[str, tuple[str, str, object]] = {
        "read": ("GET", f"/api/transactions/{seeded.first_id}", None),
        "list": ("GET", "/api/transactions/filter?startDate=2020-02-03&endDate=2020-02-03", None),
        "dashboard": ("GET", "/api/transactions/dashboard", None),
        "create": ("POST", "/api/transactions", {"title": "ข้าวมันไก่", "titleEn": "Chicken rice", "type": "EXPENSE", "category": "Food & Dining", "amount": 60.5}),
    }
    for name, query in PAGES.items():
        cursor = seeded.cursors[name].read_text().split()[0]
        found[name] = ("GET", f"/api/transactions?limit=20{query}&cursor={cursor}", None)
    return found


def send(server: Server, seeded: Seeded, name: str) -> None:
    method, path, body = requests(seeded)[name]
    # The writers create, so that the reader has what the seed says.
    token = seeded.tokens.read_text().splitlines()[1 if method == "POST" else 0]
    server.expect(201 if method == "POST" else 200, method, path, token, body)


def until_counted(cluster: Cluster, seeded: Seeded) -> None:
    """Waits for the job that counts what each user has."""
    for _ in range(600):
        waiting = f"select 1 from operations where user_id = {seeded.first_user} and not exists (select from usage where user_id = {seeded.first_user}) limit 1"
        if not cluster.sql(waiting):
            return
        time.sleep(0.1)
    raise Failure("the writers are not counted")


def set_log(cluster: Cluster, which: str) -> None:
    cluster.sql(f"alter system set log_statement = '{which}'")
    cluster.sql("select pg_reload_conf()")
    # Each session reads its settings before its next statement, once it has been told.
    time.sleep(0.5)


def by_session(log: str) -> dict[str, list[str]]:
    """The statements of each session."""
    found: dict[str, list[str]] = {}
    entry: list[str] | None = None
    for line in log.splitlines():
        begins = ENTRY.match(line)
        if begins:
            entry = [line[begins.end():]]
            found.setdefault(begins[1], []).append("")
            session = found[begins[1]]
        elif line.startswith("\t") and entry is not None:
            entry.append(line)
        else:
            entry = None
            continue
        session[-1] = bare("\n".join(entry))
    return found


def statements_of(script: str) -> list[str]:
    lines = [line for line in script.splitlines() if not line.startswith(("-- ", r"\set"))]
    return [statement for statement in map(bare, "\n".join(lines).replace(r"\gset", ";").split(";")) if statement]


def bare(statement: str) -> str:
    """A statement without irrelevant differences: white space, comments, names of parameters. pgbench has no null parameters, and
    what a transaction begins with is a setting there."""
    text = re.sub(r"--[^\n]*", "", statement)
    text = re.sub(r"\$\d+|(?<!:):[a-z_]+|\bnull\b", "?", text)
    text = re.sub(r"([(])\s+|\s+([)])", r"\1\2", " ".join(text.split())).lower()
    return "begin" if text.startswith("begin;") else text
