"""The two kinds of load: over HTTP by wrk, and the same SQL by pgbench."""

import json
import re
import subprocess
from dataclasses import dataclass

from .cluster import Cluster
from .failure import Failure
from .peer import Peer
from .programs import Tools
from .seed import BENCHES, Seeded
from .service import Server


@dataclass
class Http:
    """The results of wrk."""

    rate: float
    p50_ms: float
    p99_ms: float
    requests: int
    refused: int
    """Responses with a status of 400 or above."""


class Wrk:
    """A running load, of the requests that a script makes of its name and of other words."""

    def __init__(self, tools: Tools, url: str, load: str, words: list[object], connections: int, seconds: int,
                 script: str = "wrk.lua") -> None:
        self.load = load
        command = [tools.wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", BENCHES / script, url, "--", load, *words]
        self.process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def result(self, refusals: bool = False) -> Http:
        """Waits until it has ended. Refused or failed requests invalidate the figures, unless refusals are expected."""
        output, _ = self.process.communicate()
        lines = output.strip().splitlines()
        if self.process.returncode != 0 or not lines or not lines[-1].startswith("{"):
            raise Failure(f"wrk failed:\n{output}")
        told = json.loads(lines[-1])
        if told["requests"] == 0 or told["broken"] or (told["refused"] and not refusals):
            raise Failure(f"the load `{self.load}`: not all of its requests were answered 2xx: {told}")
        return Http(told["requests"] / told["seconds"], told["p50_ms"], told["p99_ms"], told["requests"], told["refused"])

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


def of_server(tools: Tools, server: Server, seeded: Seeded, load: str, connections: int, seconds: int, pause_ms: int = 0) -> Wrk:
    words = [seeded.tokens, seeded.first_id, seeded.last_id, pause_ms, seeded.cursors.get(load, "")]
    return Wrk(tools, server.url, load, words, connections, seconds)


def http(tools: Tools, server: Server, seeded: Seeded, load: str, connections: int, seconds: int, pause_ms: int = 0) -> Http:
    return ended(of_server(tools, server, seeded, load, connections, seconds, pause_ms))


def of_peer(tools: Tools, peer: Peer, load: str, connections: int, seconds: int) -> Http:
    return ended(Wrk(tools, peer.url, load, [peer.folder / "user"], connections, seconds, "peer.lua"))


def ended(wrk: Wrk) -> Http:
    try:
        return wrk.result()
    finally:
        wrk.stop()


def pgbench(tools: Tools, cluster: Cluster, seeded: Seeded, load: str, connections: int, seconds: int) -> float:
    """Runs pgbench; returns transactions per second."""
    variables = {
        "reader": seeded.reader,
        "first_id": seeded.first_id,
        "last_id": seeded.last_id,
        "first_user": seeded.first_user,
        "last_user": seeded.last_user,
        "title": "ข้าวมันไก่",
        "title_en": "Chicken rice",
        "search": " ข้าวมันไก่ \n chicken rice \n \n2",
        "source": "USER",
        "operation": "transaction.create",
        "kind": "EXPENSE",
        "category": "Food & Dining",
        "currency": "THB",
        "first_day": "0001-01-01",
        "rows": 101 if load == "list" else 21,
        "food": f"{{{seeded.food}}}",
        "no_ids": "{}",
        "least": 100,
        "most_amount": 1_000_000_000_000,
        "most": 7_100,
        "compared": 0,
        **seeded.dates,
    }
    command = [tools.pgbench, "-n", "-M", "prepared", "-c", connections, "-j", 1, "-T", seconds,
               "-f", BENCHES / "pgbench" / f"{load}.sql"]
    command += [word for name, value in variables.items() for word in ("-D", f"{name}={value}")]
    # The settings of the server's sessions; a search by several filters is planned with its values.
    plans = "force_custom_plan" if load == "page_two" else "force_generic_plan"
    environment = {**cluster.environment, "PGOPTIONS": f"-c jit=off -c max_parallel_workers_per_gather=0 -c plan_cache_mode={plans}"}
    done = subprocess.run([str(word) for word in command], env=environment, capture_output=True, text=True)
    found = re.search(r"^tps = ([\d.]+)", done.stdout, re.MULTILINE)
    failed = re.search(r"^number of failed transactions: (\d+)", done.stdout, re.MULTILINE)
    if done.returncode != 0 or not found or (failed and failed[1] != "0"):
        raise Failure(f"pgbench failed on `{load}`:\n{done.stdout}{done.stderr}")
    return float(found[1])
