"""The programs that the measurements need."""

import glob
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .failure import Failure

PROJECT = Path(__file__).resolve().parents[2]
OLDEST_POSTGRESQL = 15


@dataclass
class Tools:
    """Their paths. Only those that are used have to be there."""

    folder: str
    """That of PostgreSQL's server programs."""
    postgresql: str
    """The version, as reported by PostgreSQL."""

    @property
    def initdb(self) -> str:
        return f"{self.folder}/initdb"

    @property
    def pg_ctl(self) -> str:
        return f"{self.folder}/pg_ctl"

    @property
    def psql(self) -> str:
        return beside(self.folder, "psql")

    @property
    def pgbench(self) -> str:
        return beside(self.folder, "pgbench")

    @property
    def wrk(self) -> str:
        # wrk instead of oha: every distribution has a package of it, it uses little of the processor that it shares with the
        # server, and its Lua sets an id, a body and a token per request and reads exact percentiles.
        path = shutil.which("wrk")
        if not path:
            raise Failure("wrk is not installed: `apt-get install wrk`, `brew install wrk`")
        return path


def find() -> Tools:
    return Tools(*server_programs())


def server_programs() -> tuple[str, str]:
    """The folder of the newest PostgreSQL server, and its version."""
    found = []
    for folder in candidates():
        if os.access(f"{folder}/initdb", os.X_OK) and os.access(f"{folder}/pg_ctl", os.X_OK):
            text = subprocess.run([f"{folder}/postgres", "--version"], capture_output=True, text=True, check=True).stdout
            version = re.search(r"\d+(\.\d+)?", text)
            found.append((int(version[0].split(".")[0]), folder, version[0]))
    if not found or max(found)[0] < OLDEST_POSTGRESQL:
        raise Failure(
            f"PostgreSQL's server programs, {OLDEST_POSTGRESQL} or later, are not installed: "
            "`apt-get install postgresql`, `brew install postgresql`"
        )
    _, folder, version = max(found)
    return folder, version


def candidates() -> list[str]:
    folders = glob.glob("/usr/lib/postgresql/*/bin")
    if shutil.which("pg_config"):
        folders.append(subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, check=True).stdout.strip())
    if shutil.which("initdb"):
        folders.append(os.path.dirname(os.path.realpath(shutil.which("initdb"))))
    return folders


def beside(folder: str, program: str) -> str:
    """A client program: that of the server, else any. Debian's is a wrapper that looks for a cluster first."""
    path = shutil.which(program, path=folder) or shutil.which(program)
    if not path:
        raise Failure(f"{program} is not installed: `apt-get install postgresql-contrib`, `brew install postgresql`")
    return path


def build_app() -> Path:
    """Builds the release binary, and asks cargo for its path."""
    command = ["cargo", "build", "--release", "--message-format=json-render-diagnostics"]
    built = subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    if built.returncode != 0:
        raise Failure("`cargo build --release` failed")
    messages = map(json.loads, built.stdout.splitlines())
    binaries = [message["executable"] for message in messages if message.get("executable")]
    return Path(binaries[-1])
