"""PgBouncer in transaction mode between the server and PostgreSQL, with the settings of docker/pgbouncer."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from harness.cluster import Cluster, account, free_port
from harness.failure import Failure
from harness.programs import PROJECT

# The oldest with named prepared statements in transaction mode.
OLDEST = (1, 21)

# The release of Debian that has a recent one, and what a newer C library takes along to run on an older system.
SUITE = "trixie"
PACKAGES = ["pgbouncer", "libc6", "libevent-2.1-7t64", "libssl3t64", "libcares2", "libldap2", "libpam0g", "libsystemd0", "libzstd1",
            "libsasl2-2", "libaudit1", "libcap-ng0", "libcap2", "zlib1g"]


def find() -> list[str]:
    """The command that runs PgBouncer: what is installed if it is recent enough, else Debian's package, unpacked under target/."""
    installed = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if installed and version([installed]) >= OLDEST:
        return [installed]
    folder = PROJECT / "target" / "pgbouncer"
    if not (folder / "usr").is_dir():
        fetch(folder)
    libraries = next((folder / "usr/lib").glob("*-linux-gnu"))
    loader = next(libraries.glob("ld-linux-*.so.*"))
    return [str(loader), "--library-path", f"{libraries}:{libraries}/systemd", str(folder / "usr/sbin/pgbouncer")]


def version(command: list[str]) -> tuple[int, ...]:
    said = subprocess.run([*command, "--version"], capture_output=True, text=True).stdout
    found = re.search(r"PgBouncer (\d+)\.(\d+)", said)
    return tuple(map(int, found.groups())) if found else (0, 0)


def fetch(folder: Path) -> None:
    """Downloads the packages with a list of sources of its own, so that the system's stays as it is, and installs none."""
    if not shutil.which("apt-get"):
        raise Failure(f"PgBouncer {'.'.join(map(str, OLDEST))} or later is not installed")
    work = folder.with_name("pgbouncer.new")
    shutil.rmtree(work, ignore_errors=True)
    for name in ("lists/partial", "cache/archives/partial", "packages"):
        (work / name).mkdir(parents=True)
    work.chmod(0o755)
    sources = work / "sources.list"
    sources.write_text(f"deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {mirror()} {SUITE} main\n")
    options = [f"-oDir::Etc::SourceList={sources}", "-oDir::Etc::SourceParts=-", f"-oDir::State::Lists={work}/lists",
               f"-oDir::Cache={work}/cache", "-oAPT::Sandbox::User="]
    apt(work, "update", *options)
    apt(work / "packages", "download", *options, *PACKAGES)
    for package in (work / "packages").glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", package, work / "root"], check=True)
    (work / "root").rename(folder)
    shutil.rmtree(work)


def apt(folder: Path, *arguments: str) -> None:
    done = subprocess.run(["apt-get", "-q", *arguments], cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"apt-get {arguments[0]} failed:\n{done.stdout}{done.stderr}")


def mirror() -> str:
    """The mirror of Debian that the system's own packages come from."""
    for file in [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")]:
        found = re.search(r"^(?:URIs:|deb(?: \[.*?\])?)\s+(https?://\S+/debian)/?(?:\s|$)", file.read_text() if file.is_file() else "", re.MULTILINE)
        if found:
            return found[1]
    raise Failure("apt has no mirror to fetch PgBouncer from")


class PgBouncer:
    """Started on entering, stopped on leaving. It gives out a server for one transaction at a time."""

    def __init__(self, cluster: Cluster, folder: Path, pool: int) -> None:
        self.cluster = cluster
        self.folder = folder / "pgbouncer"
        self.port = free_port()
        self.pool = pool
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgres://bench:{self.cluster.password}@127.0.0.1:{self.port}/bench"

    def __enter__(self) -> "PgBouncer":
        command = find()
        self.folder.mkdir()
        users = self.folder / "users.txt"
        users.write_text(f'"bench" "{self.cluster.password}"\n')
        settings = self.folder / "pgbouncer.ini"
        settings.write_text(f"""[databases]
bench = host=127.0.0.1 port={self.cluster.port} dbname=bench
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {self.port}
auth_type = scram-sha-256
auth_file = {users}
pool_mode = transaction
max_prepared_statements = 200
default_pool_size = {self.pool}
max_client_conn = 1000
ignore_startup_parameters = extra_float_digits,options
unix_socket_dir =
logfile = {self.folder}/log
""")
        as_account: dict = {}
        if name := account():
            # Like PostgreSQL it does not run as root.
            for path in (self.folder, users, settings):
                shutil.chown(path, name)
            as_account = {"user": name, "extra_groups": []}
        self.process = subprocess.Popen([*command, str(settings)], **as_account, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        self.wait()
        return self

    def wait(self) -> None:
        environment = {**os.environ, "PGPASSWORD": self.cluster.password}
        began = time.monotonic()
        while time.monotonic() - began < 20:
            asked = subprocess.run([self.cluster.tools.psql, "-X", "-q", "-c", "select 1", "-h", "127.0.0.1", "-p", str(self.port), "-U", "bench", "bench"],
                                   env=environment, capture_output=True, text=True)
            if asked.returncode == 0:
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        log = self.folder / "log"
        self.__exit__()
        raise Failure(f"PgBouncer does not answer:\n{log.read_text() if log.exists() else ''}")

    def __exit__(self, *_: object) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait()
