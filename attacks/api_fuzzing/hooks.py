"""Hooks for Schemathesis: authentication as a new user whenever the session has ended."""

import json
import os
import secrets
import urllib.request

import schemathesis

BASE = os.environ["FUZZ_BASE"]


def post(path: str, body: dict) -> dict:
    request = urllib.request.Request(BASE + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)["data"]


@schemathesis.auth()
class Session:
    """Registers a new account, because an operation may sign out or delete the account that uses it."""

    def get(self, case: schemathesis.Case, context: object) -> str:
        account = {"email": f"{secrets.token_hex(8)}@example.com", "password": secrets.token_hex(16)}
        post("/api/auth/register", account)
        return post("/api/auth/login", account)["access_token"]

    def set(self, case: schemathesis.Case, data: str, context: object) -> None:
        case.headers = case.headers or {}
        case.headers["Authorization"] = f"Bearer {data}"
