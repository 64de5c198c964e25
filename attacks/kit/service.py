"""The attacked server: a process of the release binary in the profile `prod`, with a memory limit."""

import base64
import http.client
import json
import os
import re
import secrets
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from harness.cluster import free_port
from harness.failure import Failure

from .memory import Limit

START_PATIENCE = 30
STOP_PATIENCE = 45

# Only for the preparation, which would take minutes with the default limits.
WITHOUT_BRAKES = {
    "throttle.limit": "1000000000",
    "throttle.login_limit": "1000000000",
    "throttle.login_address_limit": "1000000000",
    "throttle.login_account_limit": "1000000000",
}


class App:
    """The binary with its settings."""

    def __init__(self, binary: Path, database_url: str, folder: Path) -> None:
        if not os.access(binary, os.X_OK):
            raise Failure(f"{binary} is no program")
        self.binary = binary
        self.folder = folder
        self.environment = {
            "PATH": os.environ.get("PATH", ""),
            "APP_PROFILE": "prod",
            "APP_SERVER__HOST": "127.0.0.1",
            "DATABASE_URL": database_url,
            "JWT_SECRET": base64.b64encode(secrets.token_bytes(48)).decode(),
            "RUST_LOG": "info",
        }
        self.keys = self.known_keys()
        self.internal_port = free_port() if "server.internal" in self.keys else None

    def run(self, *arguments: str) -> str:
        done = subprocess.run([self.binary, *arguments], cwd=self.folder, env=self.environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure(f"`app {' '.join(arguments)}` failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def known_keys(self) -> set[str]:
        """The settings that this binary knows, so that an older one is not started with unknown ones."""
        return set(re.findall(r"\b[a-z_]+\.[a-z0-9_]+\b", self.run("config")))

    def settings(self, wanted: dict[str, str]) -> dict[str, str]:
        """Settings as environment variables, without those that the binary does not know."""
        # Off by default in prod, in which case it could not be attacked.
        wanted = {"server.docs": "true", **wanted}
        if self.internal_port:
            wanted = {"server.internal": f"127.0.0.1:{self.internal_port}", **wanted}
        return {
            f"APP_{key.upper().replace('.', '__')}": value
            for key, value in wanted.items() if key in self.keys
        }

    @contextmanager
    def serve(self, limit: Limit | None, settings: dict[str, str]) -> Iterator["Server"]:
        """Starts a server and waits until it answers; stops it on exit."""
        server = Server(self, limit, settings)
        try:
            server.wait()
            yield server
        finally:
            server.stop()


class Server:
    """A server process."""

    def __init__(self, app: App, limit: Limit | None, settings: dict[str, str]) -> None:
        self.port = free_port()
        self.internal_port = app.internal_port
        self.log = app.folder / "app.log"
        environment = {**app.environment, **app.settings(settings), "PORT": str(self.port)}
        with self.log.open("w") as log:
            self.process = subprocess.Popen([app.binary], cwd=app.folder, env=environment, stdout=log, stderr=log,
                                            preexec_fn=limit.join if limit else None)

    @property
    def pid(self) -> int:
        return self.process.pid

    def lives(self) -> bool:
        return self.process.poll() is None

    def wait(self) -> None:
        """Polls `GET /readyz` until it answers 200."""
        began = time.monotonic()
        while time.monotonic() - began < START_PATIENCE:
            if not self.lives():
                raise Failure(f"the server ended at once:\n{self.log.read_text()}")
            try:
                if ask(self.port, "GET", "/readyz")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.02)
        raise Failure(f"the server did not answer within {START_PATIENCE} s:\n{self.log.read_text()}")

    def end(self) -> str:
        """How a process ended unexpectedly, with its last output."""
        code = self.process.poll()
        reason = f"killed by {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"
        said = [line for line in tail(self.log) if re.match(r"(fatal runtime error|memory allocation|thread ')", line)]
        return f"{reason}: {said[-1][:200]}" if said else reason

    def stop(self) -> None:
        if self.lives():
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=STOP_PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def tail(log: Path) -> list[str]:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 20_000))
        return [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]


def ask(port: int, method: str, path: str, token: str = "", body: object = None, address: str = "127.0.0.1",
        timeout: float = 60) -> tuple[int, dict]:
    """Sends a request on a new connection from a loopback address; returns status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout, source_address=(address, 0))
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if body is not None:
        headers["Content-Type"] = "application/json"
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        text = response.read()
        return response.status, json.loads(text) if text.startswith(b"{") else {}
    except http.client.HTTPException as error:
        raise OSError(str(error)) from error
    finally:
        connection.close()
