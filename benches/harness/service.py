"""The measured server: a process of the release binary, and the system's data about it."""

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
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

from .cluster import free_port
from .failure import Failure

NO_LIMIT = "1000000000"
START_PATIENCE = 120


@dataclass
class Memory:
    """The memory of a process, in MB (10^6 bytes)."""

    rss: float
    private: float
    """Private memory, without the pages of the binary and of libraries in the page cache."""


class App:
    """The binary with its settings."""

    def __init__(self, binary: Path, database_url: str, folder: Path, log: str) -> None:
        if not os.access(binary, os.X_OK):
            raise Failure(f"{binary} is no program")
        self.binary = binary
        self.folder = folder
        self.environment = {
            "PATH": os.environ.get("PATH", ""),
            "APP_PROFILE": "prod",
            "APP_SERVER__HOST": "127.0.0.1",
            "DATABASE_URL": database_url,
            # Two builds in turns would want the same port.
            "APP_SERVER__INTERNAL": "off",
            "JWT_SECRET": base64.b64encode(secrets.token_bytes(48)).decode(),
            # The service is measured, and not its limits.
            "THROTTLE_LIMIT": NO_LIMIT,
            "APP_THROTTLE__LOGIN_LIMIT": NO_LIMIT,
            "APP_THROTTLE__LOGIN_ADDRESS_LIMIT": NO_LIMIT,
            "APP_THROTTLE__LOGIN_ACCOUNT_LIMIT": NO_LIMIT,
            "RUST_LOG": log,
        }

    def migrate(self) -> None:
        done = self.deploy()
        # An older build does not know all settings, and reports the unknown ones.
        if unknown := re.findall(r"no such setting \(from the environment variable (\w+)\)", done.stderr):
            for name in unknown:
                del self.environment[name]
            done = self.deploy()
        if done.returncode != 0:
            raise Failure(f"`app migrate deploy` failed:\n{done.stdout}{done.stderr}")

    def deploy(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run([self.binary, "migrate", "deploy"], cwd=self.folder, env=self.environment, capture_output=True, text=True)

    @contextmanager
    def serve(self) -> Iterator["Server"]:
        """Starts a server and waits until it answers; stops it on exit."""
        server = Server(self)
        try:
            server.wait()
            yield server
        finally:
            server.stop()


class Server:
    """A server process."""

    def __init__(self, app: App) -> None:
        self.port = free_port()
        self.log = app.folder / "app.log"
        with self.log.open("a") as log:
            self.began = time.monotonic()
            self.process = subprocess.Popen(
                [app.binary], cwd=app.folder, env={**app.environment, "PORT": str(self.port)}, stdout=log, stderr=log
            )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait(self) -> float:
        """Polls `GET /readyz` twice a millisecond until it answers 200; returns the seconds since the process was created."""
        while time.monotonic() - self.began < START_PATIENCE:
            if self.process.poll() is not None:
                raise Failure(f"the server ended at once:\n{self.log.read_text()}")
            try:
                if self.ask("GET", "/readyz")[0] == 200:
                    return time.monotonic() - self.began
            except OSError:
                pass
            time.sleep(0.0005)
        raise Failure(f"the server did not answer within {START_PATIENCE} s:\n{self.log.read_text()}")

    def ask(self, method: str, path: str, token: str = "", body: object = None) -> tuple[int, dict]:
        """Sends a request on a new connection; returns status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def expect(self, status: int, method: str, path: str, token: str = "", body: object = None) -> dict:
        """Like `ask`, for a single expected status; returns the `data`."""
        got, answer = self.ask(method, path, token, body)
        if got != status:
            raise Failure(f"{method} {path} was answered {got}, not {status}: {answer}")
        return answer["data"]

    def memory(self) -> Memory:
        text = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        rss, clean, dirty = (megabytes(text, key) for key in ("Rss", "Private_Clean", "Private_Dirty"))
        return Memory(rss, clean + dirty)

    def reset_peak(self) -> None:
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def peak(self) -> float:
        """The peak memory since `reset_peak`, in MB."""
        return megabytes(Path(f"/proc/{self.process.pid}/status").read_text(), "VmHWM")

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def megabytes(text: str, key: str) -> float:
    """A line of /proc; its kB are of 1024 bytes."""
    return int(re.search(rf"^{key}:\s+(\d+) kB", text, re.MULTILINE)[1]) * 1024 / 1e6
