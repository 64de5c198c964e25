"""A memory limit for the server, and measurements of its memory."""

import os
import re
import threading
import time
from pathlib import Path

# The limit of the API in docker-compose.yml.
LIMIT_MIB = 512
MIB = 1024 * 1024

CONTROLLERS = Path("/sys/fs/cgroup")


class Limit:
    """A control group with the limit; created before the server is started, removed on exit.

    Version 1 of control groups counts socket buffers separately from other memory, version 2 together with it. Both are counted
    together here, because containers today are limited by version 2. Without control groups only the memory of the process
    is measured, and the process is killed when it exceeds the limit.
    """

    kind = "no control group: the process's own memory is watched"

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.versions = {"1": version_1, "2": version_2}

    def __enter__(self) -> "Limit":
        for version, parent in ((version, find()) for version, find in self.versions.items()):
            if parent is None:
                continue
            folder = parent / f"app-attack-{os.getpid()}"
            try:
                folder.mkdir()
                self.folder, self.kind = folder, f"control group, version {version}"
                self.set_limit()
                return self
            except OSError:
                self.__exit__()
                self.folder, self.kind = None, Limit.kind
        return self

    def __exit__(self, *_: object) -> None:
        if self.folder and self.folder.exists():
            for _ in range(50):
                try:
                    self.folder.rmdir()
                    return
                except OSError:
                    time.sleep(0.1)

    @property
    def is_version_1(self) -> bool:
        return self.folder is not None and (self.folder / "memory.limit_in_bytes").exists()

    def set_limit(self) -> None:
        limit = str(LIMIT_MIB * MIB)
        if self.is_version_1:
            (self.folder / "memory.limit_in_bytes").write_text(limit)
            # Only counted if a limit is set; the report compares both together with the limit.
            (self.folder / "memory.kmem.tcp.limit_in_bytes").write_text(limit)
        else:
            (self.folder / "memory.max").write_text(limit)
            swap = self.folder / "memory.swap.max"
            if swap.exists():
                swap.write_text("0")

    def join(self) -> None:
        """Called in the child process before it becomes the server."""
        if self.folder:
            (self.folder / "cgroup.procs").write_text("0")

    def usage(self) -> float | None:
        """Current memory in MiB, including socket buffers, without the file cache, which the system drops when necessary."""
        if not self.folder:
            return None
        stat = (self.folder / "memory.stat").read_text()
        if self.is_version_1:
            names = ("memory.usage_in_bytes", "memory.kmem.tcp.usage_in_bytes")
            total = sum(int((self.folder / name).read_text()) for name in names)
            cache = counter(stat, "inactive_file") + counter(stat, "active_file")
        else:
            total = int((self.folder / "memory.current").read_text())
            cache = counter(stat, "inactive_file") + counter(stat, "active_file")
        return (total - cache) / MIB

    def kills(self) -> int:
        """The number of processes killed by the kernel for lack of memory."""
        if not self.folder:
            return 0
        file = "memory.oom_control" if self.is_version_1 else "memory.events"
        return counter((self.folder / file).read_text(), "oom_kill")


def counter(text: str, name: str) -> int:
    found = re.search(rf"^{name} (\d+)$", text, re.MULTILINE)
    return int(found[1]) if found else 0


def version_1() -> Path | None:
    """The memory control group of this process."""
    found = re.search(r"^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$", Path("/proc/self/cgroup").read_text(), re.MULTILINE)
    folder = CONTROLLERS / "memory"
    if not found or not (folder / "memory.limit_in_bytes").exists():
        return None
    own = folder / found[1].lstrip("/")
    return own if own.is_dir() else folder


def version_2() -> Path | None:
    """The nearest ancestor group that delegates the memory controller."""
    found = re.search(r"^0::(.*)$", Path("/proc/self/cgroup").read_text(), re.MULTILINE)
    if not found:
        return None
    folder = CONTROLLERS / found[1].lstrip("/")
    for group in (folder, *folder.parents):
        if not group.is_relative_to(CONTROLLERS):
            return None
        control = group / "cgroup.subtree_control"
        if control.exists() and "memory" in control.read_text().split():
            return group
    return None


def resident(pid: int) -> float | None:
    """The memory of a process in MiB; `None` if it is gone."""
    try:
        found = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) / 1024 if found else None


def sockets(pid: int) -> int:
    """The number of sockets that a process has open."""
    count = 0
    try:
        for entry in os.scandir(f"/proc/{pid}/fd"):
            try:
                count += os.readlink(entry.path).startswith("socket:")
            except OSError:
                pass
    except OSError:
        pass
    return count


class Watch:
    """Samples the peaks of a running server, twenty times a second."""

    def __init__(self, pid: int, limit: Limit) -> None:
        self.pid = pid
        self.limit = limit
        self.peak = 0.0
        self.group_peak: float | None = None
        self.over = False
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self) -> "Watch":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.thread.join()

    def run(self) -> None:
        while not self.ended.wait(0.05):
            now = resident(self.pid)
            if now is None:
                return
            self.peak = max(self.peak, now)
            group = self.limit.usage()
            if group is not None:
                self.group_peak = max(self.group_peak or 0.0, group)
            elif now > LIMIT_MIB:
                self.over = True
                os.kill(self.pid, 9)
                return
