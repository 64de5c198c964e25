"""Deeply nested JSON and other malicious values, in every place where the server reads external input (C1, C2)."""

import base64
import gzip
import json
from collections import Counter
from typing import Iterator

from kit.attack import Outcome, attack
from kit.client import addresses, ask, ask_all, head, with_body
from kit.world import World

MAGIC = "$serde_json::private::RawValue"
MAGIC_NUMBER = "$serde_json::private::Number"
STRANGERS = addresses(20, 2000)


def raw_value_bomb(levels: int, depth: int, key: str = MAGIC) -> str:
    """A value that some readers parse again at each level, with a new depth limit."""
    value = "1"
    for _ in range(levels):
        escaped = value.replace("\\", "\\u005c").replace('"', "\\u0022")
        value = "[" * depth + '{"%s":"%s"}' % (key, escaped) + "]" * depth
    return value


def bombs() -> Iterator[tuple[str, bytes]]:
    """Bodies with excessive depth, count or size, or invalid form."""
    yield "raw values", b'{"email":%s}' % raw_value_bomb(40, 124).encode()
    yield "raw values, escaped key", b'{"title":%s}' % raw_value_bomb(30, 124, MAGIC.replace("$", "\\u0024")).encode()
    yield "raw values, flat", b'{"name":%s}' % raw_value_bomb(60, 20).encode()
    yield "raw values at the top", raw_value_bomb(40, 124).encode()
    yield "numbers", b'{"amount":%s}' % raw_value_bomb(30, 124, MAGIC_NUMBER).encode()
    yield "arrays", b'{"title":' + b"[" * 500_000 + b"]" * 500_000 + b"}"
    yield "arrays that do not end", b"[" * 1_000_000
    yield "objects", b'{"a":' * 150_000 + b"1" + b"}" * 150_000
    yield "elements", b'{"ids":[' + b"1," * 500_000 + b"1]}"
    yield "keys", b"{" + b",".join(b'"k%d":1' % n for n in range(80_000)) + b"}"
    yield "the same key", b"{" + b",".join([b'"title":"a"'] * 80_000) + b"}"
    yield "digits", b'{"amount":' + b"9" * 1_000_000 + b"}"
    yield "exponent", b'{"amount":1e' + b"9" * 1000 + b"}"
    yield "escapes", b'{"title":"' + b"\\u0041" * 170_000 + b'"}'
    yield "half a pair", b'{"title":"\\ud800","amount":1,"type":"EXPENSE"}'
    yield "no UTF-8", b'{"title":"\xff\xfe","amount":1,"type":"EXPENSE"}'


# Each is refused for its content, and not for its depth.
MAGIC_VALUES = (
    {"title": "a", "amount": {MAGIC_NUMBER: "5"}, "type": "EXPENSE"},
    {"title": {MAGIC: '"hi"'}, "amount": 5, "type": "EXPENSE"},
    {"title": "a", "amount": {MAGIC: "5"}, "type": "EXPENSE"},
)


@attack("json-bombs", "C1", 60)
async def json_bombs(world: World) -> Outcome:
    outcome = Outcome()
    place = iter(STRANGERS)
    # Bodies that end an unprotected process come first.
    for name, body in bombs():
        requests = []
        for turn, (method, path, signed) in enumerate(world.body_routes()):
            account = world.plain[turn % len(world.plain)]
            address = account.address if signed else next(place)
            requests.append((address, with_body(method, path, body, account.token if signed else "")))
        outcome.expect_refusals(await ask_all(world.port, requests), name)
    account = world.plain[0]
    values = [(account.address, with_body("POST", "/api/transactions", value, account.token)) for value in MAGIC_VALUES]
    outcome.expect_refusals(await ask_all(world.port, values), "magic keys")
    deep = dict(bombs())["raw values"]
    packed = [(account.address, with_body("POST", "/api/transactions", body, account.token, [("Content-Encoding", kind)]))
              for kind, body in (("gzip", gzip.compress(b"[" * 30_000_000)), ("gzip", gzip.compress(deep)), ("br", deep))]
    outcome.expect_refusals(await ask_all(world.port, packed), "compressed bodies")
    kinds = [(account.address, with_body("POST", "/api/transactions", deep, account.token, kind=("Content-Type", kind)))
             for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "x" * 8000,
                          "application/json; " + "charset=utf-8;" * 500, "application/vnd.api+json")]
    outcome.expect_refusals(await ask_all(world.port, kinds), "other types of content")
    return outcome


def encoded(text: str | bytes) -> str:
    data = text if isinstance(text, bytes) else text.encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def tokens(world: World) -> Iterator[str]:
    """Tokens whose parts are bombs; the first of them ends an unprotected process."""
    ours, claims, mac = world.plain[0].token.split(".")
    for levels in (27, 30, 40):
        bomb = raw_value_bomb(levels, 120)
        bombed = encoded('{"typ":"JWT","alg":"HS256","x":%s}' % bomb)
        yield f"{bombed}.e30.x"
        yield f"{bombed}.{claims}.{mac}"
        yield f"{ours}.{encoded(bomb)}.{mac}"
        yield f"{ours}.{encoded('{%s:%s}' % (json.dumps('userId'), bomb))}.{mac}"
        yield f"{ours}.{claims}.{encoded(bomb)}"
    yield encoded("[" * 20_000) + ".e30.x"
    yield f"{ours}." + "A" * 30_000 + f".{mac}"
    yield f"{ours}.{claims}." + "A" * 30_000
    yield "." * 30_000
    yield "A" * 60_000
    yield encoded('{"typ":"JWT","alg":"HS256","jwk":{"k":"x"},"kid":"../../dev/null","crit":["x"]}') + f".{claims}.{mac}"
    yield encoded('{"alg":"none"}') + f".{claims}."
    # The same token with different encodings of the same header.
    yield encoded('{"alg":"HS256", "typ":"JWT"}') + f".{claims}.{mac}"


@attack("token-bombs", "C2", 40)
async def token_bombs(world: World) -> Outcome:
    outcome = Outcome()
    places = iter(STRANGERS)
    for name in ("Authorization", "authorization"):
        for scheme in ("Bearer", "bearer"):
            # An invalid token is accepted where no token is required.
            requests = [(next(places), head("GET", "/api/auth/me", [(name, f"{scheme} {token}")])) for token in tokens(world)]
            outcome.expect_refusals(await ask_all(world.port, requests), f"{name}: {scheme}")
    requests = [(next(places), head("GET", "/api", [("Authorization", f"Bearer {token}")])) for token in tokens(world)]
    outcome.expect_no_faults(await ask_all(world.port, requests), "a token where none is asked for")
    return outcome


@attack("header-bombs", "C2", 60)
async def header_bombs(world: World) -> Outcome:
    outcome = Outcome()
    account = world.plain[1]
    bomb = raw_value_bomb(30, 120)
    texts = [bomb, "[" * 30_000, '"' * 30_000, "W/" * 10_000, ",".join(['"0"'] * 8000), "9" * 30_000, "\\u0000" * 3000]
    entry = {"title": "a", "amount": "1", "type": "EXPENSE"}
    requests = [(account.address, with_body("POST", "/api/transactions", entry, account.token, [("Idempotency-Key", text)]))
                for text in texts]
    outcome.expect_refusals(await ask_all(world.port, requests), "Idempotency-Key")
    status, answer = await ask(world.port, account.address, with_body("POST", "/api/transactions", entry, account.token))
    number = json.loads(answer)["data"]["id"] if status == 201 else 1
    for name in ("If-Match", "If-None-Match"):
        requests = [(account.address, head("GET" if name == "If-None-Match" else "DELETE", f"/api/transactions/{number}",
                                           [(name, text)], account.token)) for text in texts]
        statuses = await ask_all(world.port, requests)
        if name == "If-Match":
            outcome.expect_refusals(statuses, name)
        else:
            outcome.expect_no_faults(statuses, name)
    # Values that may have any form, and have to be accepted.
    free = ("Cookie", "X-Request-Id", "Origin", "Accept", "Accept-Encoding", "Accept-Language", "User-Agent", "Range", "Expect",
            "X-Forwarded-For", "Forwarded", "X-Real-IP", "Content-Type", "Access-Control-Request-Headers", "Via", "Upgrade")
    places = iter(STRANGERS)
    for name in free:
        requests = [(next(places), head("GET", "/api", [(name, text)])) for text in (bomb, "x" * 60_000, "," * 30_000)]
        outcome.expect_no_faults(await ask_all(world.port, requests), name)
    many = [
        head("GET", "/api", [(f"X-{n}", "x") for n in range(99)]),
        head("GET", "/api", [(f"X-{n}", "x") for n in range(10_000)]),
        head("GET", "/api", [("X-Forwarded-For", "1.2.3.4")] * 90),
        head("GET", "/api", [("x" * 60_000, "x")]),
        head("GET", "/api", [("A", "x" * 200_000)]),
    ]
    outcome.expect_no_faults(await ask_all(world.port, ((next(places), request) for request in many)), "many headers")
    return outcome


@attack("query-bombs", "C2", 60)
async def query_bombs(world: World) -> Outcome:
    outcome = Outcome()
    bomb = raw_value_bomb(27, 120)
    cursors = [encoded(bomb), encoded('{"d":"n","k":%s}' % bomb), encoded("[" * 40_000), "A" * 60_000, encoded(b"\xff" * 20_000),
               encoded('{"d":"n","k":[' + "1," * 15_000 + "1]}"), "%00" * 10_000, "eyJkIjoibiIsImsiOlsxLDJdfQ"]
    statuses: Counter = Counter()
    for turn, path in enumerate(world.list_routes()):
        account = world.plain[2 + turn % 8]
        requests = [(account.address, head("GET", f"{path}?limit=5&cursor={cursor}", (), account.token)) for cursor in cursors]
        statuses += await ask_all(world.port, requests)
    outcome.expect_refusals(statuses, "cursors")
    account = world.plain[11]
    queries = [
        "q=" + "%F0%A0%80%80" * 5000, "q=" + "a%20" * 10_000, "&".join(["tag=x"] * 10_000), "&".join(["limit=1"] * 9000),
        "limit=" + "9" * 50_000, "limit=99999999", "limit=-1", "limit=0", "categoryId=" + "9" * 40, "minAmount=1e" + "9" * 50,
        "minAmount=" + "9" * 30_000, "startDate=" + "9" * 30_000, "startDate=-262144-01-01", "endDate=%00", "sort=" + "-" * 30_000,
        "&".join(f"k{n}=v" for n in range(8000)), "=" * 50_000, "%" * 50_000, "&" * 60_000, "q=%FF%FE", "type=" + bomb[:20_000]
        .replace('"', "%22").replace("[", "%5B").replace("]", "%5D").replace("{", "%7B").replace("}", "%7D").replace("\\", "%5C"),
    ]
    requests = [(account.address, head("GET", f"/api/transactions?{query}", (), account.token)) for query in queries]
    outcome.expect_no_faults(await ask_all(world.port, requests), "query strings")
    paths = ["/api/transactions/" + "9" * 60_000, "/" * 60_000, "/api/" + "../" * 15_000, "/api/transactions/%00", "/api/%2e%2e/healthz",
             "/" + "a/" * 30_000, "/api/transactions/-1", "/api/transactions/9223372036854775808", "*", "http://[::1", "//api"]
    requests = [(account.address, head("GET", path, (), account.token)) for path in paths]
    outcome.expect_no_faults(await ask_all(world.port, requests), "paths")
    return outcome
