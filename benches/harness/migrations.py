"""The time of `app migrate deploy`, compared with sqlx-cli's `sqlx migrate run`: the same server and folder, in turns."""

import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from .cluster import Cluster
from .failure import Failure
from .report import progress
from .service import App

MIGRATIONS = 1000
NOTHING_TO_DO = 30
DATABASE = "bench_migrate"


@dataclass
class MigrationFigures:
    """Times in seconds, by program. sqlx-cli is missing if it is not installed."""

    onto_empty: dict[str, list[float]]
    nothing_to_do: dict[str, list[float]]


def measure(cluster: Cluster, app: App, folder: Path, rounds: int) -> MigrationFigures:
    """Runs 1,000 small migrations on an empty database, then again with nothing left to do."""
    progress("migrations")
    source = folder / "migrations"
    source.mkdir()
    for number in range(MIGRATIONS):
        sql = f"create table t{number} (id bigint primary key, name text not null);\n"
        (source / f"{20200101000000 + number}_table_{number}.up.sql").write_text(sql)
    commands = {"app": [app.binary, "migrate", "deploy", "--source", source]}
    if shutil.which("sqlx"):
        commands["sqlx-cli"] = ["sqlx", "migrate", "run", "--source", source]
    url = cluster.url.rsplit("/", 1)[0] + "/" + DATABASE
    onto_empty: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            cluster.sql(f"drop database if exists {DATABASE} with (force)")
            cluster.sql(f"create database {DATABASE}")
            onto_empty[name].append(timed(command, url))
    # After the last run, the database has all of them on record, whichever program ran.
    nothing_to_do = {name: [timed(command, url) for _ in range(NOTHING_TO_DO)] for name, command in commands.items()}
    cluster.sql(f"drop database {DATABASE} with (force)")
    return MigrationFigures(onto_empty, nothing_to_do)


def timed(command: list[object], url: str) -> float:
    environment = {**os.environ, "DATABASE_URL": url, "APP_PROFILE": "prod"}
    words = [str(word) for word in command]
    began = time.perf_counter()
    done = subprocess.run(words, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    took = time.perf_counter() - began
    if done.returncode != 0:
        raise Failure(f"`{' '.join(words)}` failed:\n{done.stderr}")
    return took
