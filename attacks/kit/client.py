"""The attacker's client: requests written byte by byte, on sockets that read only on demand."""

import asyncio
import errno
import itertools
import json
import resource
import socket
import struct
from collections import Counter
from typing import Iterable

JSON = ("Content-Type", "application/json")

# The number of bytes kept of a body; the rest is read and dropped.
MOST_KEPT = 2_000_000

# Kinds of an end without a response.
CLOSED, SILENT, REFUSED = "closed", "no answer", "not let in"


def raise_descriptor_limit() -> None:
    """Raises the limit of open files, because the attacker holds ten thousand connections."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def addresses(network: int, count: int) -> list[str]:
    """Addresses of 127.`network`.0.0/16, each a separate client for the server."""
    return [f"127.{network}.{n // 250}.{n % 250 + 1}" for n in range(count)]


def spread_networks(count: int) -> list[str]:
    """Addresses in different /16 networks."""
    return [f"127.{n % 120 + 130}.{n // 120 + 1}.7" for n in range(count)]


def head(method: str | bytes, target: str | bytes, headers: Iterable[tuple[str | bytes, str | bytes]] = (), token: str = "",
         version: str = "HTTP/1.1") -> bytes:
    lines = [raw(method) + b" " + raw(target) + b" " + raw(version), b"Host: localhost"]
    if token:
        lines.append(b"Authorization: Bearer " + raw(token))
    lines += [raw(name) + b": " + raw(value) for name, value in headers]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def raw(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def with_body(method: str, target: str, body: bytes | object, token: str = "", headers: Iterable[tuple[str, str]] = (),
              kind: tuple[str, str] = JSON) -> bytes:
    content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return head(method, target, [kind, ("Content-Length", str(len(content))), *headers], token) + content


class Connection:
    """A connection from a given address."""

    def __init__(self, port: int, address: str, receive_buffer: int | None = None) -> None:
        self.port = port
        self.loop = asyncio.get_running_loop()
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # The port is chosen when connecting, so that thousands of connections from an address do not run out of ports.
        self.socket.setsockopt(socket.IPPROTO_IP, getattr(socket, "IP_BIND_ADDRESS_NO_PORT", 24), 1)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.bind((address, 0))
        self.pending = b""

    async def connect(self, timeout: float = 5) -> bool:
        try:
            await asyncio.wait_for(self.loop.sock_connect(self.socket, ("127.0.0.1", self.port)), timeout)
            return True
        except (OSError, asyncio.TimeoutError):
            self.close()
            return False

    async def send(self, data: bytes, timeout: float = 20) -> bool:
        """Sends bytes; returns true if all of them were accepted."""
        try:
            await asyncio.wait_for(self.loop.sock_sendall(self.socket, data), timeout)
            return True
        except (OSError, asyncio.TimeoutError):
            return False

    async def receive(self, most: int = 65536, timeout: float = 10) -> bytes | None:
        """Reads available bytes; empty at the end, `None` if nothing arrives."""
        try:
            return await asyncio.wait_for(self.loop.sock_recv(self.socket, most), timeout)
        except asyncio.TimeoutError:
            return None
        except OSError:
            return b""

    async def answer(self, timeout: float = 10) -> tuple[int | str, bytes]:
        """Reads a response: its status, or how the connection ended instead; and the beginning of its body."""
        data = self.pending
        while b"\r\n\r\n" not in data:
            piece = await self.receive(timeout=timeout)
            if not piece:
                return SILENT if piece is None else CLOSED, data
            data += piece
        top, body = data.split(b"\r\n\r\n", 1)
        status = int(top.split(b" ", 2)[1])
        lines = top.lower().split(b"\r\n")[1:]
        length = next((int(line.split(b":", 1)[1]) for line in lines if line.startswith(b"content-length:")), None)
        chunked = any(line.startswith(b"transfer-encoding:") for line in lines)
        if status in (204, 304) or status < 200:
            length, chunked = 0, False
        if length is None and not chunked:
            length = 1 << 60
        kept, size, end = bytearray(body), len(body), body[-5:]
        while end != b"0\r\n\r\n" if chunked else size < length:
            piece = await self.receive(1 << 20, timeout)
            if not piece:
                break
            size += len(piece)
            end = (end + piece[-5:])[-5:]
            if len(kept) < MOST_KEPT:
                kept += piece
        behind = 0 if chunked else max(0, size - length)
        # Bytes after a response belong to the next one.
        self.pending = bytes(kept[len(kept) - behind:]) if behind else b""
        return status, bytes(kept if chunked else kept[:length])

    def reset(self) -> None:
        """Closes the connection with a reset."""
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        self.close()

    def close(self) -> None:
        self.socket.close()

    def is_open(self) -> bool:
        """True if the server has not closed the connection, after everything has been read."""
        try:
            return self.socket.recv(65536) != b""
        except BlockingIOError:
            return True
        except OSError as error:
            return error.errno == errno.EAGAIN


async def ask(port: int, address: str, request: bytes, timeout: float = 20) -> tuple[int | str, bytes]:
    """Sends a request on a new connection."""
    connection = Connection(port, address)
    try:
        if not await connection.connect():
            return REFUSED, b""
        # An early refusal arrives while the request is still being sent.
        sending = asyncio.ensure_future(connection.send(request, timeout))
        answer = await connection.answer(timeout)
        sending.cancel()
        return answer
    finally:
        connection.close()


async def ask_all(port: int, requests: Iterable[tuple[str, bytes]], at_once: int = 16, timeout: float = 20) -> Counter:
    """Sends requests, each from its address; counts the responses by status."""
    statuses: Counter = Counter()
    queue = iter(requests)

    async def work() -> None:
        for address, request in queue:
            status, _ = await ask(port, address, request, timeout)
            statuses[status] += 1

    await asyncio.gather(*(work() for _ in range(at_once)))
    return statuses


async def connect_all(port: int, places: list[str], at_once: int = 200, receive_buffer: int | None = None) -> list[Connection]:
    """Opens a connection from each address; leaves out those that were refused."""
    connections: list[Connection] = []
    queue = iter(places)

    async def work() -> None:
        for address in queue:
            connection = Connection(port, address, receive_buffer)
            if await connection.connect():
                connections.append(connection)

    await asyncio.gather(*(work() for _ in range(at_once)))
    return connections


def cycle(places: list[str], count: int) -> list[str]:
    return list(itertools.islice(itertools.cycle(places), count))
