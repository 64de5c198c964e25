"""A PostgreSQL server for one run, with the durability of a production server."""

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from .failure import Failure
from .programs import Tools

# All other settings are PostgreSQL's defaults: fsync, full_page_writes and synchronous_commit are on.
SETTINGS = "-c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c shared_buffers=256MB"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Cluster:
    """Started on entering, stopped and removed on leaving.

    The server and pgbench both reach it over TCP on loopback, with a password, as a server reaches its database.
    """

    def __init__(self, tools: Tools, folder: Path) -> None:
        self.tools = tools
        self.data = folder / "postgresql" / "data"
        self.port = free_port()
        self.password = secrets.token_hex(16)
        self.account = account()
        self.account_group = pwd.getpwnam(self.account).pw_gid if self.account else None

    @property
    def url(self) -> str:
        return f"postgres://bench:{self.password}@127.0.0.1:{self.port}/bench"

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables for libpq's programs."""
        libpq = {"PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": "bench", "PGDATABASE": "bench"}
        return {**os.environ, **libpq, "PGPASSWORD": self.password}

    def __enter__(self) -> "Cluster":
        home = self.data.parent
        home.mkdir(mode=0o700)
        password_file = home / "password"
        password_file.write_text(self.password)
        if self.account:
            # The account needs access to its folder through the one around it.
            home.parent.chmod(0o711)
            for path in (home, password_file):
                shutil.chown(path, self.account)
        try:
            self.run(self.tools.initdb, "-D", self.data, "-U", "bench", "-A", "scram-sha-256", f"--pwfile={password_file}",
                     "-E", "UTF8", "--locale=C.UTF-8", "--data-checksums")
            self.run(self.tools.pg_ctl, "start", "-w", "-D", self.data, "-l", home / "log",
                     "-o", f"-p {self.port} {SETTINGS}")
            self.sql("create database bench", database="postgres")
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        if (self.data / "postmaster.pid").exists():
            self.run(self.tools.pg_ctl, "stop", "-w", "-m", "immediate", "-D", self.data)

    def run(self, *command: object) -> None:
        """Runs a server program, as the account that PostgreSQL runs as."""
        as_account = {"user": self.account, "group": self.account_group, "extra_groups": []} if self.account else {}
        # Into a file and not a pipe, which the server would inherit and keep open.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run([str(word) for word in command], **as_account, cwd="/", stdin=subprocess.DEVNULL,
                                  stdout=output, stderr=subprocess.STDOUT)
            output.seek(0)
            said = output.read()
        if done.returncode != 0:
            log = self.data.parent / "log"
            said += log.read_text() if log.exists() else ""
            raise Failure(f"{Path(str(command[0])).name} failed:\n{said}")

    def sql(self, text: str, database: str = "bench") -> list[list[str]]:
        """Runs statements, and returns the rows of the last."""
        command = [self.tools.psql, "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-d", database, "-f", "-"]
        done = subprocess.run(command, input=text, env=self.environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure(f"psql failed:\n{done.stderr}")
        return [line.split("\t") for line in done.stdout.splitlines()]


def account() -> str | None:
    """The account for PostgreSQL, which does not run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise Failure("PostgreSQL does not run as root, and there is no account `postgres` or `nobody`: run this as a user")
