"""Clients that enter transactions with an `Idempotency-Key`, and ask again until they are told that it is done."""

import http.client
import json
import threading
import time
from collections import Counter


class Load:
    """Runs between entering and leaving."""

    def __init__(self, ports: list[int], tokens: list[str]) -> None:
        self.ports, self.tokens = ports, tokens
        self.acknowledged: set[str] = set()
        self.answers: Counter[str] = Counter()
        self.faults: list[str] = []
        self.times: list[float] = []
        self.stopping = threading.Event()
        self.lock = threading.Lock()

    def __enter__(self) -> "Load":
        self.threads = [threading.Thread(target=self.client, args=(number, token)) for number, token in enumerate(self.tokens)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def client(self, number: int, token: str) -> None:
        count, connection = 0, None
        while not self.stopping.is_set():
            count += 1
            title = f"client {number} number {count}"
            attempt = 0
            # What was begun is ended, so that nothing is left open at the end.
            while True:
                attempt += 1
                port = self.ports[(number + attempt) % len(self.ports)]
                try:
                    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=40)
                    body = json.dumps({"title": title, "amount": 1, "type": "EXPENSE", "category": "Load", "tags": ["load"]})
                    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Idempotency-Key": title.replace(" ", "-")}
                    connection.request("POST", "/api/transactions", body, headers)
                    response = connection.getresponse()
                    content = response.read()
                    status = response.status
                except (OSError, http.client.HTTPException) as error:
                    status, content = type(error).__name__, b""
                finally:
                    connection.close()
                with self.lock:
                    self.answers[str(status)] += 1
                    if status == 201:
                        self.acknowledged.add(title)
                        self.times.append(time.monotonic())
                        break
                    # Not there, not now, and the same request on its way already: anything else should not be.
                    if status not in (503, 408, 409) and isinstance(status, int):
                        self.faults.append(f"{status}: {content.decode(errors='replace')[:300]}")
                if self.stopping.is_set() and attempt > 200:
                    return
                time.sleep(0.1)

    def outage(self, began: float) -> float:
        """The longest time without an acknowledgement since then, in seconds."""
        times = sorted(moment for moment in list(self.times) if moment >= began)
        # Until now, if there has been none.
        edges = [began, *times, time.monotonic()]
        return max((after - before for before, after in zip(edges, edges[1:])), default=0)
