"""The time of commands that read a whole schema, on this project's own: `status` with its check for drift, and without it,
and `migrate dev` with one change, from the edited file to the applied migration."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from .cluster import Cluster
from .migrations import timed
from .report import progress
from .service import App

CHECKOUT = Path(__file__).resolve().parents[2]
DATABASE = "bench_schema"
TIMES = 10


@dataclass
class SchemaFigures:
    """Times in seconds."""

    status: list[float]
    status_without_drift: list[float]
    dev: list[float]


def measure(cluster: Cluster, app: App, folder: Path) -> SchemaFigures:
    progress("schema")
    checkout = folder / "checkout"
    checkout.mkdir()
    source, schema = checkout / "migrations", checkout / "schema.sql"
    shutil.copytree(CHECKOUT / "migrations", source)
    shutil.copy(CHECKOUT / "schema.sql", schema)
    cluster.sql(f"create database {DATABASE}")
    url = cluster.url.rsplit("/", 1)[0] + "/" + DATABASE

    def run(*arguments: str) -> float:
        return timed([app.binary, "migrate", "--profile", "dev", "--source", source, *arguments], url)

    run("deploy")
    figures = SchemaFigures([], [], [])
    for number in range(TIMES):
        figures.status.append(run("status"))
        figures.status_without_drift.append(run("status", "--skip-drift"))
        schema.write_text(schema.read_text() + f"alter table users add column bench_{number} text;\n")
        figures.dev.append(run("dev", "--name", f"bench {number}"))
    cluster.sql(f"drop database {DATABASE} with (force)")
    return figures
