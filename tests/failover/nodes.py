"""Two nodes of PostgreSQL under Patroni, with etcd to agree on the primary and HAProxy to find it."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from harness.cluster import account, free_port
from harness.failure import Failure
from harness.programs import server_programs

PATIENCE = 120

# Seconds until a primary that says nothing has lost its place, and between two looks at it.
TTL, LOOP = 20, 5


def programs() -> dict[str, str]:
    found = {name: shutil.which(name) or shutil.which(name, path="/usr/sbin") for name in ("patroni", "etcd", "haproxy")}
    missing = [name for name, path in found.items() if not path]
    if missing:
        raise Failure(f"{', '.join(missing)} not installed: `apt-get install --no-install-recommends patroni etcd-server haproxy`")
    return found


class Process:
    """A program of its own session, so that it can be killed with all that it started."""

    def __init__(self, command: list[str], folder: Path, log: str, as_account: str | None) -> None:
        identity = {"user": as_account, "group": as_account, "extra_groups": []} if as_account else {}
        with (folder / log).open("a") as output:
            self.process = subprocess.Popen(command, **identity, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                                            start_new_session=True, env={**os.environ, "HOME": str(folder), "ETCD_ENABLE_V2": "true"})

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Node:
    """One PostgreSQL and the Patroni that minds it."""

    def __init__(self, name: str, nodes: "Nodes") -> None:
        self.name, self.nodes = name, nodes
        self.port, self.rest = free_port(), free_port()
        self.folder = nodes.folder / name
        self.folder.mkdir(mode=0o700)
        self.patroni: Process | None = None

    def write_settings(self) -> None:
        nodes = self.nodes
        host_rules = "\n".join(f"    - host {what} all 127.0.0.1/32 scram-sha-256" for what in ("all", "replication"))
        (self.folder / "patroni.yml").write_text(f"""scope: failover
name: {self.name}
restapi: {{listen: '127.0.0.1:{self.rest}', connect_address: '127.0.0.1:{self.rest}'}}
etcd3: {{host: '127.0.0.1:{nodes.etcd_port}'}}
bootstrap:
  dcs:
    ttl: {TTL}
    loop_wait: {LOOP}
    retry_timeout: {LOOP}
    maximum_lag_on_failover: 1048576
    synchronous_mode: true
    postgresql: {{use_pg_rewind: true, parameters: {{wal_log_hints: 'on', max_connections: 150}}}}
  initdb: [{{encoding: UTF8}}, {{locale: C.UTF-8}}, data-checksums]
postgresql:
  listen: 127.0.0.1:{self.port}
  connect_address: 127.0.0.1:{self.port}
  data_dir: {self.folder}/data
  bin_dir: {nodes.programs}
  pgpass: {self.folder}/pgpass
  authentication:
    superuser: {{username: postgres, password: {nodes.password}}}
    replication: {{username: replicator, password: {nodes.password}}}
    rewind: {{username: rewinder, password: {nodes.password}}}
  pg_hba:
{host_rules}
  parameters: {{unix_socket_directories: ''}}
""")

    def start(self) -> None:
        self.patroni = Process([self.nodes.found["patroni"], str(self.folder / "patroni.yml")], self.folder, "log", account())

    def postmaster(self) -> int | None:
        try:
            return int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        except (OSError, IndexError, ValueError):
            return None

    def kill_postgres(self) -> None:
        """Kills the server and leaves Patroni."""
        if pid := self.postmaster():
            kill(pid)

    def kill_all(self) -> None:
        """Kills Patroni and the server: the node is gone."""
        pid = self.postmaster()
        if self.patroni:
            self.patroni.process.kill()
            self.patroni.process.wait()
        if pid:
            kill(pid)

    def state(self) -> dict:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.rest}/patroni", timeout=2) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            try:
                return json.load(error)
            except ValueError:
                return {}
        except (OSError, ValueError):
            return {}

    def leads(self) -> bool:
        state = self.state()
        return state.get("role") in ("master", "primary") and state.get("state") == "running"


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


class Nodes:
    """Everything, started on entering and stopped on leaving."""

    def __init__(self, folder: Path) -> None:
        self.found = programs()
        self.programs, _ = server_programs()
        self.folder = folder / "failover"
        self.folder.mkdir(mode=0o711)
        self.password = secrets.token_hex(16)
        self.etcd_port, self.peer_port, self.port = free_port(), free_port(), free_port()
        self.nodes = [Node("one", self), Node("two", self)]
        self.etcd: Process | None = None
        self.haproxy: Process | None = None

    @property
    def url(self) -> str:
        return f"postgres://postgres:{self.password}@127.0.0.1:{self.port}/postgres"

    def __enter__(self) -> "Nodes":
        name = account()
        for node in self.nodes:
            node.write_settings()
        if name:
            self.folder.parent.chmod(0o711)
            for path in [self.folder, *self.folder.rglob("*")]:
                shutil.chown(path, name, name)
        client, peer = f"http://127.0.0.1:{self.etcd_port}", f"http://127.0.0.1:{self.peer_port}"
        self.etcd = Process([self.found["etcd"], "--name=failover", f"--data-dir={self.folder}/etcd", f"--listen-client-urls={client}", f"--advertise-client-urls={client}",
                             f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=failover={peer}"], self.folder, "etcd.log", name)
        settings = self.folder / "haproxy.cfg"
        servers = "\n".join(f"  server {node.name} 127.0.0.1:{node.port} check port {node.rest}" for node in self.nodes)
        settings.write_text(f"""global
  maxconn 1000
defaults
  mode tcp
  timeout connect 2s
  timeout client 1h
  timeout server 1h
listen primary
  bind 127.0.0.1:{self.port}
  option httpchk OPTIONS /primary
  http-check expect status 200
  default-server inter 1s fall 2 rise 1 on-marked-down shutdown-sessions
{servers}
""")
        try:
            self.nodes[0].start()
            self.wait("the first node leads", self.nodes[0].leads)
            self.nodes[1].start()
            self.wait("the second node follows", self.is_whole)
            self.haproxy = Process([self.found["haproxy"], "-db", "-f", str(settings)], self.folder, "haproxy.log", None)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.haproxy:
            self.haproxy.stop()
        for node in self.nodes:
            if node.patroni:
                node.patroni.stop()
            # What is left of it, if Patroni was killed.
            if pid := node.postmaster():
                kill(pid)
        if self.etcd:
            self.etcd.stop()

    def wait(self, what: str, holds) -> float:
        began = time.monotonic()
        while not holds():
            if time.monotonic() - began > PATIENCE:
                logs = "\n".join(f"{node.name}:\n{(node.folder / 'log').read_text()[-1500:]}" for node in self.nodes if (node.folder / "log").exists())
                raise Failure(f"not within {PATIENCE} s: {what}\n{logs}")
            time.sleep(0.2)
        return time.monotonic() - began

    def leader(self) -> Node | None:
        return next((node for node in self.nodes if node.leads()), None)

    def is_whole(self) -> bool:
        """A leader, and a follower that has all that is acknowledged."""
        leader = self.leader()
        followers = (leader.state() if leader else {}).get("replication", [])
        return any(follower.get("state") == "streaming" and follower.get("sync_state") == "sync" for follower in followers)

    def switch(self) -> None:
        leader = self.leader()
        if not leader:
            raise Failure("there is no leader to take over from")
        follower = next(node for node in self.nodes if node is not leader)
        body = json.dumps({"leader": leader.name, "candidate": follower.name}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{leader.rest}/switchover", body, {"Content-Type": "application/json"}, method="POST")
        try:
            urllib.request.urlopen(request, timeout=60).read()
        except urllib.error.HTTPError as error:
            raise Failure(f"the switchover was refused: {error.read().decode()}") from error
