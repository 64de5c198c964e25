"""Unlimited use of disk space, and unlimited accounts (H5)."""

import asyncio
import secrets
import time
from collections import Counter

from kit.attack import Outcome, attack
from kit.client import addresses, ask, with_body
from kit.service import WITHOUT_BRAKES
from kit.world import LONG_NOTE, World

SECONDS = 25

# The largest request that enters one transaction has 40 kB of text.
KB_A_REQUEST = 400

# A quota that is reached within seconds; the default one lasts a person for years.
TEXT_BYTES = 8_000_000


def largest(turn: int) -> dict:
    """A transaction of maximum size, different each time."""
    note = LONG_NOTE[turn % 997:] + LONG_NOTE[:turn % 997]
    mark = secrets.token_hex(6)
    return {
        "title": (mark + note)[:500], "titleEn": (mark + note[600:])[:500], "amount": "1.00", "type": "EXPENSE", "note": note,
        "payee": (mark + note[1200:])[:200], "category": (mark + note[1500:])[:100],
        "tags": [(f"{mark} {n}" + note[n * 90:])[:100] for n in range(50)],
    }


@attack("growth", "H5", 60, {**WITHOUT_BRAKES, "quotas.text_bytes": str(TEXT_BYTES)})
async def growth(world: World) -> Outcome:
    """Enters the largest transactions as fast as possible, without a rate limit (a patient client gets as far) and with a quota of
    8 MB of text, which has to stop it; until then no request may cost many times its own size."""
    outcome = Outcome()
    account = world.plain[-1]
    database = world.database_mb()
    codes: Counter = Counter()
    until = time.monotonic() + SECONDS
    turn = 0

    async def work(place: str) -> None:
        nonlocal turn
        while time.monotonic() < until and codes[b"QUOTA_EXCEEDED"] < 20:
            turn += 1
            request = with_body("POST", "/api/transactions", largest(turn), account.token, [("Idempotency-Key", secrets.token_hex(100))])
            status, answer = await ask(world.port, place, request)
            outcome.statuses[status] += 1
            if b"QUOTA_EXCEEDED" in answer:
                codes[b"QUOTA_EXCEEDED"] += 1

    await asyncio.gather(*(work(place) for place in addresses(62, 4)))
    grown = world.database_mb() - database
    each = grown * 1000 / max(1, outcome.statuses[201])
    outcome.notes.append(f"database +{grown:.0f} MB, {each:.0f} kB a request")
    outcome.expect(each <= KB_A_REQUEST, f"{each:.0f} kB of database for one entry")
    outcome.expect(bool(codes), f"no quota met after {grown:.0f} MB and {outcome.statuses[201]} entries in {SECONDS} s")
    outcome.expect_no_faults(Counter(), "entries")
    return outcome


@attack("registrations", "H5", 60)
async def registrations(world: World) -> Outcome:
    """Registers accounts without end: from one address, and with tricks to look like many."""
    outcome = Outcome()
    place = addresses(63, 1)[0]
    statuses: Counter = Counter()
    for n in range(60):
        body = {"email": f"{secrets.token_hex(6)}@example.com", "password": secrets.token_hex(12)}
        spoof = [("X-Forwarded-For", f"203.0.113.{n}"), ("Forwarded", f"for=203.0.113.{n}"), ("X-Real-IP", f"203.0.113.{n}")]
        status, _ = await ask(world.port, place, with_body("POST", "/api/auth/register", body, "", spoof))
        statuses[status] += 1
    outcome.statuses += statuses
    outcome.expect(statuses[201] <= 15, f"{statuses[201]} of 60 registrations of one address were served within seconds")
    return outcome
