"""Refusals of what the OpenAPI document allows, each with its reason; any other fails the run.

By the text of the problem and by operation, so that nothing is covered that nobody has looked at.
"""

import re
from dataclasses import dataclass

# No document can say it: it depends on what the server has answered, or on a list that is long or secret.
ONLY_THE_SERVER_KNOWS = "only the server can know"

# The document allows more than the API takes, and can say so. To be mended there (issue 14), and then taken out here.
DOCUMENT = "the document says too little"


@dataclass(frozen=True)
class Known:
    """A problem, the operations that may have it, and why it is no fault."""

    problem: str
    operations: str
    kind: str
    reason: str


LISTS = r"GET /api/(categories|tags|payees|operations|trash|transactions(/\{id\}/history)?)"
TRANSACTION = r"(POST /api/transactions|(PUT|PATCH) /api/transactions/\{id\})"
BULK = r"(PATCH|DELETE) /api/transactions"
FILTERED = rf"(GET /api/transactions(/filter)?|{BULK})"
NAMED = r"(POST /api/(categories|tags|payees)|(PUT|PATCH) /api/(categories|tags|payees)/\{id\})"
CHANGES = r"(POST|PUT|PATCH|DELETE) /api/.*"
WITH_BODY = rf"({TRANSACTION}|{BULK}|{NAMED}|POST /api/\w+/\{{id\}}/merge|PUT /api/categories/order|POST /api/auth/(register|login))"

KNOWN = [
    # --- Only the server can know.
    Known(r"cursor must be one that was answered .*", LISTS, ONLY_THE_SERVER_KNOWS, "a made-up cursor is refused: it is signed"),
    Known(r"It was changed since it was read.*", r"(PUT|PATCH|DELETE) /api/\w+/\{id\}", ONLY_THE_SERVER_KNOWS, "a made-up If-Match"),
    Known(r"password is too (common|weak|easy).*", r"POST /api/auth/register", ONLY_THE_SERVER_KNOWS, "passwords that are easy to guess"),
    Known(r"password must not contain .*", r"POST /api/auth/register", ONLY_THE_SERVER_KNOWS, "a password made of the address or the name"),
    Known(r"q must contain a letter, a digit or a symbol", FILTERED, ONLY_THE_SERVER_KNOWS, "what counts as a word"),
    Known(r"currency must be a valid ISO 4217 currency code", rf"({FILTERED}|{TRANSACTION})", ONLY_THE_SERVER_KNOWS, "which codes there are"),
    # --- Fields that exclude each other, or of which one has to be there: `oneOf`, `not`.
    Known(r"(category|payee) and \1Id must not be given together", rf"({TRANSACTION}|{FILTERED})", DOCUMENT, "one of the two"),
    Known(r"tag and tagId must not be given together", FILTERED, DOCUMENT, "one of the two"),
    Known(r"tags and (addTags|removeTags).* must not be given together", BULK, DOCUMENT, "one of the two"),
    Known(r"ids and filter must not be given together", BULK, DOCUMENT, "one of the two"),
    Known(r"ids or filter must be given", BULK, DOCUMENT, "one of the two"),
    Known(r"filter must not be empty", BULK, DOCUMENT, "`minProperties`"),
    Known(r"nothing would be set", BULK, DOCUMENT, "`minProperties`"),
    Known(r"property .* should not exist", BULK, DOCUMENT, "`additionalProperties` of `filter` and `set`"),
    # --- `null` where the document allows it and the API does not: those fields are left out or have a value.
    Known(r"(title|name|category|payee|note|date|tags|type|currency|amount) must be (a string|a number|an array)", WITH_BODY, DOCUMENT, "null"),
    Known(r"(categoryId|payeeId|tagId|parentId|position|into|ids each value) must be an integer number", WITH_BODY, DOCUMENT,
          "null, or beyond what an id can be"),
    Known(r"archived must be a boolean value", NAMED, DOCUMENT, "null"),
    Known(r"(type|kind) must be one of the following values: INCOME, EXPENSE", rf"({TRANSACTION}|{NAMED}|GET /api/categories|{FILTERED})",
          DOCUMENT, "null, or no `enum` for the parameter"),
    # --- Limits and forms that are missing: `maximum`, `minLength`, `pattern`, `uniqueItems`.
    Known(r"limit must not be (greater|less) than \d+", LISTS, DOCUMENT, "`minimum` and `maximum`"),
    Known(r"limit must be an integer number", LISTS, DOCUMENT, "`minimum` and `maximum`"),
    Known(r"cursor should not be empty", LISTS, DOCUMENT, "`minLength`"),
    Known(r"sort must be one of the following values: .*", r"GET /api/transactions", DOCUMENT, "`enum`"),
    Known(r"Idempotency-Key must be given once, as 1 to \d+ visible ASCII characters", CHANGES, DOCUMENT, "`pattern`"),
    Known(r"color must be a colour such as .*", NAMED, DOCUMENT, "`pattern`"),
    Known(r"position must not be (greater|less) than -?\d+", NAMED, DOCUMENT, "`minimum` and `maximum`"),
    Known(r"(amount|minAmount|maxAmount) must have at most \d+ (decimals|significant digits|digits before the decimal point).*",
          rf"({TRANSACTION}|{FILTERED})", DOCUMENT, "`pattern`, `maximum`"),
    Known(r"(amount|minAmount|maxAmount) must (be positive|be a number|not be less than 0)", rf"({TRANSACTION}|{FILTERED})", DOCUMENT,
          "`pattern`, `minimum`"),
    Known(r"amount must have at most \d+ decimals? in \w+|amount .* of \w+", TRANSACTION, DOCUMENT, "decimals of a currency"),
    Known(r"(startDate|endDate|date) must be a valid ISO 8601 date string", rf"({TRANSACTION}|{FILTERED})", DOCUMENT, "`format`, years from 1 to 9999"),
    Known(r"(title|titleEn|name|category|payee|tag|q|note|icon|email|password|tags each value|addTags each value|removeTags each value) should not be empty",
          rf"({WITH_BODY}|{FILTERED})", DOCUMENT, "`minLength`, and blanks alone are empty"),
    Known(r"(\w+|\w+ each value) must not contain NUL characters", rf"({WITH_BODY}|{FILTERED}|{LISTS})", DOCUMENT, "`pattern`"),
    Known(r"(q|tag|category|payee|password|name|tags each value|addTags each value|removeTags each value) must be (longer|shorter) than or equal to \d+ characters",
          rf"({WITH_BODY}|{FILTERED})", DOCUMENT, "`minLength`, `maxLength`"),
    Known(r"(ids|tags|addTags|removeTags) must contain (no more than|at least) \d+ elements", WITH_BODY, DOCUMENT, "`maxItems`, `minItems`"),
    Known(r"All ids's elements must be unique", r"PUT /api/categories/order", DOCUMENT, "`uniqueItems`"),
    Known(r"email must be an email", r"POST /api/auth/(register|login)", DOCUMENT, "a stricter form than `format: email`"),
]

# The part of a body that a problem is in, before the problem itself.
PLACE = re.compile(r"^(set|filter) is not right: ")


def reason(operation: str, problem: str) -> Known | None:
    """Why an operation may refuse that; `None` if it may not."""
    bare = PLACE.sub("", problem)
    for known in KNOWN:
        if re.fullmatch(known.problem, bare, re.DOTALL) and re.fullmatch(known.operations, operation):
            return known
    return None
