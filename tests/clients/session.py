"""A session with the client that openapi-python-client makes; mypy holds it against the generated types."""

import datetime
import os
from http import HTTPStatus
from typing import TypeVar

from expense_tracker_api_client import AuthenticatedClient, Client
from expense_tracker_api_client.api.auth import auth_login, auth_me, auth_register
from expense_tracker_api_client.api.history import history_of_transaction, history_undo_operation
from expense_tracker_api_client.api.transactions import (
    transactions_bulk_update,
    transactions_create,
    transactions_list,
    transactions_read,
    transactions_update,
)
from expense_tracker_api_client.models import (
    BulkSet,
    CreateTransaction,
    ErrorCode,
    FailureBody,
    Login,
    Register,
    Transaction,
    TransactionFields,
    TransactionFilter,
    TransactionsListSort,
    TransactionType,
    UpdateTransaction,
    UpdateTransactions,
)
from expense_tracker_api_client.types import UNSET, Response, Unset

BASE_URL = os.environ.get("BASE_URL", "http://localhost:3000")
EMAIL, PASSWORD = "python@example.com", "three blue lamps"


Answer = TypeVar("Answer")


def success(answer: Answer | FailureBody | None) -> Answer:
    """What a call answered, which has to be a success."""
    assert answer is not None and not isinstance(answer, FailureBody), answer
    return answer


def failure(response: Response[Answer | FailureBody], status: HTTPStatus, code: ErrorCode) -> FailureBody:
    assert isinstance(response.parsed, FailureBody), response
    assert (response.status_code, response.parsed.error.code) == (status, code), response
    return response.parsed


def sign_in() -> AuthenticatedClient:
    anybody = Client(BASE_URL, raise_on_unexpected_status=True)
    registered = success(auth_register.sync(client=anybody, body=Register(EMAIL, PASSWORD, name="Python")))
    assert registered.data.email == EMAIL
    login = success(auth_login.sync(client=anybody, body=Login(EMAIL, PASSWORD)))
    client = AuthenticatedClient(BASE_URL, login.data.access_token, raise_on_unexpected_status=True)
    assert success(auth_me.sync(client=client)).data.id == registered.data.id
    return client


def create(client: AuthenticatedClient) -> tuple[Transaction, Transaction]:
    meal = CreateTransaction("ข้าวมันไก่", "60.50", TransactionType.EXPENSE, category="Food & Dining", tags=["lunch"])
    created = success(transactions_create.sync(client=client, body=meal)).data
    assert created.amount == 60.5 and created.tags == ["lunch"]
    for day in range(14, 18):
        bus = CreateTransaction(f"bus {day}", 12, TransactionType.EXPENSE, date=datetime.date(2026, 2, day), payee="BMTA")
        success(transactions_create.sync(client=client, body=bus))
    salary = CreateTransaction("Salary", 42000, TransactionType.INCOME, date=datetime.date(2026, 2, 25))
    first, second = (
        success(transactions_create.sync(client=client, body=salary, idempotency_key="salary-february")).data for _ in range(2)
    )
    assert first.id == second.id
    return created, first


def pages(client: AuthenticatedClient) -> list[int]:
    ids: list[int] = []
    cursor: str | Unset = UNSET
    while True:
        page = success(transactions_list.sync(client=client, limit=2, sort=TransactionsListSort.AMOUNT_DESCENDING, cursor=cursor))
        ids += [transaction.id for transaction in page.data]
        assert page.meta.page, "a page that was asked for says where it stands"
        if page.meta.page.next_cursor is None:
            return ids
        cursor = page.meta.page.next_cursor


def patch(client: AuthenticatedClient, id: int) -> None:
    tag = transactions_read.sync_detailed(id, client=client).headers["etag"]
    body = UpdateTransaction(amount=65, note="with egg")
    patched = success(transactions_update.sync(id, client=client, body=body, if_match=tag)).data
    assert (patched.amount, patched.note) == (65, "with egg")
    stale = transactions_update.sync_detailed(id, client=client, body=UpdateTransaction(note=None), if_match=tag)
    failure(stale, HTTPStatus.PRECONDITION_FAILED, ErrorCode.PRECONDITION_FAILED)
    before = success(history_of_transaction.sync(id, client=client)).data[0].before
    assert isinstance(before, TransactionFields) and before.amount == 60.5


def change_many(client: AuthenticatedClient) -> int:
    filter, changes = TransactionFilter(payee="BMTA"), BulkSet(category="Transportation", add_tags=["commute"])
    tried = success(transactions_bulk_update.sync(client=client, body=UpdateTransactions(changes, filter_=filter, dry_run=True)))
    assert (tried.data.matched, tried.data.changed, tried.data.dry_run) == (4, 4, True)
    changed = success(transactions_bulk_update.sync(client=client, body=UpdateTransactions(changes, filter_=filter)))
    assert changed.data.changed == 4 and tagged(client) == 4
    assert not isinstance(changed.meta.operation_id, Unset), "a change names the operation that it was"
    return changed.meta.operation_id


def tagged(client: AuthenticatedClient) -> int:
    return len(success(transactions_list.sync(client=client, tag="commute")).data)


def main() -> None:
    client = sign_in()
    meal, salary = create(client)
    ids = pages(client)
    assert len(set(ids)) == len(ids) == 6 and ids[0] == salary.id
    patch(client, meal.id)
    operation = change_many(client)
    assert success(history_undo_operation.sync(operation, client=client)).data.undone == operation
    assert tagged(client) == 0
    refused = transactions_create.sync_detailed(client=client, body=CreateTransaction("", 1, TransactionType.EXPENSE))
    assert failure(refused, HTTPStatus.BAD_REQUEST, ErrorCode.BAD_REQUEST).error.details == ["title should not be empty"]
    print("openapi-python-client: done")


if __name__ == "__main__":
    main()
