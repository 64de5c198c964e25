"""Login attempts directed against the owner of an account (H6, M6, M9)."""

import asyncio
import secrets
import time
from collections import Counter

from kit.attack import Outcome, attack
from kit.client import SILENT, ask, spread_networks, with_body
from kit.world import Account, World

SECONDS = 22


def attempt(email: str, password: str, headers: list[tuple[str, str]] | None = None) -> bytes:
    return with_body("POST", "/api/auth/login", {"email": email, "password": password}, "", headers or [])


async def owners(world: World, people: list[Account], until: float, outcome: Outcome) -> None:
    """Signs in as the owners, with the right password, each from their usual address: within 2 s, every time."""
    late, refused, turn = 0, Counter(), 0
    while time.monotonic() < until:
        person = people[turn % len(people)]
        turn += 1
        began = time.monotonic()
        status, _ = await ask(world.port, person.address, attempt(person.email, person.password), 10)
        late += time.monotonic() - began > 2
        if status != 200:
            refused[status] += 1
        # As often as a person might retry, and within the limit of 10 a minute.
        await asyncio.sleep(max(1.0, 7 / len(people)))
    outcome.notes.append(f"owners: {turn} tries, {sum(refused.values())} refused, {late} later than 2 s")
    outcome.expect(not refused and not late, f"owners with the right password: {dict(refused)} refused, {late} late, of {turn}")


@attack("lock-out", "H6", 90)
async def lock_out(world: World) -> Outcome:
    """Tries wrong passwords on a known address: one per second, from one machine and then from four."""
    outcome = Outcome()
    statuses: Counter = Counter()

    async def attacker(place: str, victim: Account, until: float) -> None:
        while time.monotonic() < until:
            status, _ = await ask(world.port, place, attempt(victim.email, secrets.token_hex(8)), 10)
            statuses[status] += 1
            await asyncio.sleep(1 / 3)

    for victim, places in ((world.people[0], ["127.70.0.1"]), (world.people[1], [f"127.70.1.{n}" for n in range(1, 5)])):
        until = time.monotonic() + SECONDS
        attackers = [attacker(place, victim, until) for place in places]
        await asyncio.gather(*attackers, later(owners(world, [victim], until, outcome)))
    outcome.expect_refusals(statuses, "wrong passwords")
    return outcome


async def later(work: object) -> None:
    """Waits until the attack has had some seconds to take effect."""
    await asyncio.sleep(6)
    await work


@attack("login-flood", "M6", 60)
async def login_flood(world: World) -> Outcome:
    """Tries passwords from 48 machines in 48 networks, as fast as possible, on known and unknown accounts."""
    outcome = Outcome()
    victims = world.people[:8]
    until = time.monotonic() + SECONDS
    statuses: Counter = Counter()

    async def attacker(place: str, turn: int) -> None:
        while time.monotonic() < until:
            turn += 1
            email = victims[turn % 8].email if turn % 2 else f"{secrets.token_hex(4)}@example.com"
            status, _ = await ask(world.port, place, attempt(email, secrets.token_hex(8)), 10)
            statuses[status] += 1
            if turn % 5 == 0:
                # Much more than a hundred a second would measure the attacker.
                await asyncio.sleep(0.1)

    attackers = [attacker(place, n) for n, place in enumerate(spread_networks(48))]
    await asyncio.gather(*attackers, later(owners(world, victims, until, outcome)))
    # A request in the queue has not been answered yet when the time is over.
    outcome.expect_refusals(statuses, "wrong passwords", {SILENT})
    return outcome


@attack("forwarded-untrusted", "M9", 60)
async def forwarded_untrusted(world: World) -> Outcome:
    """Pretends to be a proxy, which must not get around its limits."""
    outcome = Outcome()
    statuses: Counter = Counter()
    names = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "True-Client-IP", "X-Client-IP", "CF-Connecting-IP")
    for n in range(60):
        place = f"198.51.{n}.7"
        headers = [(name, f"for={place}" if name == "Forwarded" else place) for name in names]
        status, _ = await ask(world.port, "127.71.0.1", attempt("nobody@example.com", "wrong password", headers))
        statuses[status] += 1
    outcome.expect_refusals(statuses, "wrong passwords")
    outcome.expect(statuses[429] >= 20, f"only {statuses[429]} of 60 attempts under made-up addresses were limited")
    return outcome


@attack("forwarded-trusted", "M9", 60, {"server.trusted_proxies": "127.72.0.0/16"})
async def forwarded_trusted(world: World) -> Outcome:
    """Uses a proxy whose `X-Forwarded-For` has ports: failures of one client must not affect all others."""
    outcome = Outcome()
    proxy = "127.72.0.1"
    statuses: Counter = Counter()
    for n in range(40):
        headers = [("X-Forwarded-For", f"6.6.6.6, 198.51.100.7:{4000 + n}")]
        status, _ = await ask(world.port, proxy, attempt("nobody@example.com", "wrong password", headers))
        statuses[status] += 1
    outcome.expect_refusals(statuses, "wrong passwords through a proxy")
    outcome.expect(statuses[429] >= 10, f"only {statuses[429]} of 40 attempts of one client behind the proxy were limited")
    for form in ("203.0.113.{}:4711", "[2001:db8:{}::1]:4711", "203.0.113.{}"):
        person = world.people[20]
        headers = [("X-Forwarded-For", form.format(9))]
        status, _ = await ask(world.port, proxy, attempt(person.email, person.password, headers))
        outcome.expect(status == 200, f"another client behind the proxy ({headers[0][1]}): {status}")
    return outcome
