"""Refusals of requests that the OpenAPI document allows, each with its reason; any other refusal fails the run.

Matched by the text of the problem and by operation, so that nothing unexpected is covered.
"""

import re
from dataclasses import dataclass

# No document can express it: it depends on earlier responses, on stored data, or on the configuration.
ONLY_THE_SERVER_KNOWS = "only the server can know"

# A document could express it, but JSON Schema has no keyword that all programs interpret alike.
NO_WORDS = "JSON Schema has no words for it"

# The case is not a valid test case.
NOT_A_CASE = "Schemathesis's own"


@dataclass(frozen=True)
class Known:
    """A problem, the operations that may report it, and the reason why it is not a failure."""

    problem: str
    operations: str
    kind: str
    reason: str


LISTS = r"GET /api/(categories|tags|payees|operations|trash|transactions(/\{id\}/history)?)"
TRANSACTION = r"(POST /api/transactions|(PUT|PATCH) /api/transactions/\{id\})"
BULK = r"(PATCH|DELETE) /api/transactions"
FILTERED = rf"(GET /api/transactions|{BULK})"
REGISTER = r"POST /api/auth/register"

KNOWN = [
    Known(r"cursor must be one that was answered .*", LISTS, ONLY_THE_SERVER_KNOWS, "a made-up cursor is refused: it is signed"),
    Known(r"It was changed since it was read.*", r"(PUT|PATCH|DELETE) /api/\w+/\{id\}|POST /api/\w+/\{id\}/merge",
          ONLY_THE_SERVER_KNOWS, "a made-up If-Match"),
    Known(r"If-None-Match names what is there.*", r"(PUT|PATCH|DELETE) /api/\w+/\{id\}|POST /api/\w+/\{id\}/merge",
          ONLY_THE_SERVER_KNOWS, "`*`, where there is something"),
    Known(r"categoryId must be of the transaction's type", TRANSACTION, ONLY_THE_SERVER_KNOWS, "of which type the category with this id is"),
    Known(r"amount must have (no|at most \d+) decimals? in [A-Z]{3}", TRANSACTION, ONLY_THE_SERVER_KNOWS,
          "the currency may be the account's, or the one that the transaction has"),
    Known(r"password must be longer than or equal to \d+ characters", REGISTER, ONLY_THE_SERVER_KNOWS, "a setting: `auth.min_password_length`"),
    Known(r"password is too (common|weak|easy).*", REGISTER, ONLY_THE_SERVER_KNOWS, "a setting, and which passwords are easy to guess"),
    Known(r"password must not contain .*", REGISTER, ONLY_THE_SERVER_KNOWS, "the same: a password made of the address or the name"),
    Known(r"(amount|minAmount|maxAmount) must have at most \d+ (decimals|significant digits)", rf"({TRANSACTION}|{FILTERED})", NO_WORDS,
          "the decimals of a number: in floating point `multipleOf` refuses right ones, too; of a text a pattern tells them"),
    Known(r"q must contain a letter, a digit or a symbol", FILTERED, NO_WORDS, "Unicode's classes of characters, which not every regex knows"),
    Known(r"Validation failed \(numeric string is expected\)", r"[A-Z]+ /api/\w+/None(/\w+)?", NOT_A_CASE,
          "it follows an answer that had no id, and asks for `None`"),
]

# Matched by the status only, because hyper writes no body.
HEAD_TOO_LARGE = Known("(431)", ".*", NOT_A_CASE, "a head over 16 KiB is refused before the program sees what it asks for")

# The field that a problem is about, before the problem itself.
PLACE = re.compile(r"^(set|filter) is not right: ")


def reason(operation: str, problem: str) -> Known | None:
    """The reason why an operation may refuse a request with this problem; `None` if it may not."""
    bare = PLACE.sub("", problem)
    for known in KNOWN:
        if re.fullmatch(known.problem, bare, re.DOTALL) and re.fullmatch(known.operations, operation):
            return known
    return None
