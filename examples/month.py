#!/usr/bin/env python3
"""Enters months of sample data through the API and checks every sum against its own calculation.

Some seventy transactions, in Thai and in English, with and without decimals, over a year's end: the month that is now
and the one before, so that the dashboard has something to say. Needs a running server and nothing but Python.

    python3 examples/month.py [http://localhost:3000]
"""

import datetime
import json
import random
import sys
import urllib.error
import urllib.request
from decimal import Decimal

BASE = (sys.argv[1] if len(sys.argv) > 1 else "http://localhost:3000").rstrip("/")
CHECKS = 0

# Title, English title, category, type, possible amounts.
HABITS = [
    ("ข้าวมันไก่", "Chicken rice", "Food & Dining", "EXPENSE", ["50", "60", "65.50"]),
    ("ก๋วยเตี๋ยวเรือ", "Boat noodles", "Food & Dining", "EXPENSE", ["45", "90"]),
    ("กาแฟเย็น", "Iced coffee", "Food & Dining", "EXPENSE", ["55", "70.25"]),
    ("Dinner with friends", None, "Food & Dining", "EXPENSE", ["845.75", "1200"]),
    ("รถไฟฟ้า BTS", "Sky train", "Transportation", "EXPENSE", ["17", "44", "59"]),
    ("แท็กซี่ไปสนามบิน", "Taxi to the airport", "Transportation", "EXPENSE", ["350.5"]),
    ("ค่าไฟฟ้า", "Electricity", "Bills & Utilities", "EXPENSE", ["1284.33"]),
    ("ค่าน้ำ", "Water", "Bills & Utilities", "EXPENSE", ["152.08"]),
    ("Internet", None, "Bills & Utilities", "EXPENSE", ["639.93"]),
    ("ของใช้ในบ้าน", "Household", "Shopping", "EXPENSE", ["0.01", "219", "1830.50"]),
    ("หนังสือ", "Books", "Education", "EXPENSE", ["285", "640.25"]),
    ("ยา", "Medicine", "Healthcare", "EXPENSE", ["97.5", "430"]),
    ("ค่าเช่าห้อง", "Rent", "Rent", "EXPENSE", ["9500"]),
    ("Cinema 🎬", None, "Entertainment", "EXPENSE", ["320"]),
    ("เงินเดือน", "Salary", "Salary", "INCOME", ["42000"]),
    ("งานแปล", "Translation", "Freelance", "INCOME", ["3500", "1250.75"]),
    ("ดอกเบี้ย", "Interest", "Investment", "INCOME", ["12.34"]),
    ("ขายของมือสอง", "Second-hand sale", "Other", "INCOME", ["99999.99", "800"]),
]


def call(method, path, body=None, token=None, expect=200):
    request = urllib.request.Request(BASE + path, method=method)
    request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", "Bearer " + token)
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(request, data) as response:
            status, text = response.status, response.read()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read()
    except urllib.error.URLError as error:
        sys.exit(f"{BASE} does not answer ({error.reason}). Start the server first: cargo run")
    if status != expect:
        sys.exit(f"{method} {path}: {status} instead of {expect}: {text.decode()}")
    # Amounts are parsed as decimals here, too, so that the check is exact.
    return json.loads(text, parse_float=Decimal, parse_int=Decimal).get("data")


def check(what, found, expected):
    global CHECKS
    CHECKS += 1
    if found != expected:
        sys.exit(f"{what}: {found!r} instead of {expected!r}")


def total(rows, kind):
    return sum((row["amount"] for row in rows if row["type"] == kind), Decimal(0))


def percent(change, before):
    if before == 0:
        return Decimal(0)
    return (change * 100 / before).quantize(Decimal("0.01"), rounding="ROUND_HALF_UP")


def make_rows(today):
    """The same rows for a month on every day; the seed is the month."""
    chance = random.Random(f"{today:%Y-%m}")
    this_month = today.replace(day=1)
    last_month = (this_month - datetime.timedelta(days=1)).replace(day=1)
    # Also across the end of a year, whatever the current month.
    year_end = [datetime.date(today.year - 1, 12, 30), datetime.date(today.year - 1, 12, 31), datetime.date(today.year, 1, 1)]
    days = [this_month + datetime.timedelta(days=chance.randrange(28)) for _ in range(34)]
    days += [last_month + datetime.timedelta(days=chance.randrange(28)) for _ in range(32)]
    days += year_end * 2
    rows = []
    for number, day in enumerate(days):
        title, english, category, kind, amounts = HABITS[number % len(HABITS)]
        amount = chance.choice(amounts)
        # As numbers and strings, dates and date-times: all of them are allowed.
        written = float(amount) if number % 3 else amount
        date = day.isoformat() if number % 4 else f"{day.isoformat()}T23:30:00.000-05:00"
        body = {"title": title, "amount": written, "type": kind, "category": category, "date": date}
        if english:
            body["titleEn"] = english
        rows.append((body, {"title": title, "titleEn": english, "amount": Decimal(amount), "type": kind, "category": category, "date": day.isoformat()}))
    return rows


def main():
    # The user's time zone is Asia/Bangkok, so "today" is the date there.
    today = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=7)).date()
    email = f"month-{random.SystemRandom().randrange(10**12)}@example.com"
    password = "correct horse battery"
    call("POST", "/api/auth/register", {"email": email, "password": password, "name": "Somchai"}, expect=201)
    token = call("POST", "/api/auth/login", {"email": email, "password": password})["access_token"]

    rows = []
    for body, expected in make_rows(today):
        row = call("POST", "/api/transactions", body, token, expect=201)
        for key, value in expected.items():
            check(f"{key} of {expected['title']}", row[key], value)
        rows.append(row)

    newest_first = sorted(rows, key=lambda row: (row["date"], row["id"]), reverse=True)
    check("the list", call("GET", "/api/transactions", token=token), newest_first)

    months = {}
    for row in rows:
        months.setdefault(row["date"][:7], []).append(row)
    for month, in_month in sorted(months.items()):
        first = datetime.date.fromisoformat(month + "-01")
        last = (first + datetime.timedelta(days=31)).replace(day=1) - datetime.timedelta(days=1)
        found = call("GET", f"/api/transactions/filter?startDate={first}&endDate={last}", token=token)
        expected = [row for row in newest_first if row["date"][:7] == month]
        check(f"the filter for {month}", found, expected)
        print(f"  {month}: {len(expected):3} transactions, income {total(expected, 'INCOME'):>12}, expenses {total(expected, 'EXPENSE'):>12}")
    since = f"{today.year}-01-01"
    check("the filter with no end", call("GET", f"/api/transactions/filter?startDate={since}", token=token), [row for row in newest_first if row["date"] >= since])

    this_month, before = today.strftime("%Y-%m"), (today.replace(day=1) - datetime.timedelta(days=1)).strftime("%Y-%m")

    def check_dashboard(rows):
        now = [row for row in rows if row["date"][:7] == this_month]
        then = [row for row in rows if row["date"][:7] == before]
        income, expense = total(now, "INCOME"), total(now, "EXPENSE")
        earlier_income, earlier_expense = total(then, "INCOME"), total(then, "EXPENSE")
        found = call("GET", "/api/transactions/dashboard", token=token)
        for key, value in {
            "totalIncome": income,
            "totalExpense": expense,
            "balance": income - expense,
            "transactionCount": len(now),
            "previousMonthIncome": earlier_income,
            "previousMonthExpense": earlier_expense,
            "incomeChange": income - earlier_income,
            "incomeChangePercent": percent(income - earlier_income, earlier_income),
            "expenseChange": expense - earlier_expense,
            "expenseChangePercent": percent(expense - earlier_expense, earlier_expense),
        }.items():
            check(f"{key} of the dashboard", found[key], value)

    check_dashboard(rows)

    # One is corrected, one moves to the other month, one is deleted; the sums change accordingly.
    rows[0] = call("PUT", f"/api/transactions/{rows[0]['id']}", {"amount": "77.77", "title": "ข้าวมันไก่ พิเศษ"}, token)
    check("the corrected amount", rows[0]["amount"], Decimal("77.77"))
    rows[1] = call("PUT", f"/api/transactions/{rows[1]['id']}", {"date": before + "-15"}, token)
    check("the moved day", rows[1]["date"], before + "-15")
    gone = rows.pop(2)
    call("DELETE", f"/api/transactions/{gone['id']}", token=token)
    call("GET", f"/api/transactions/{gone['id']}", token=token, expect=404)
    check_dashboard(rows)

    print(f"{len(rows) + 1} transactions were entered as {email}, with the password {password!r}; {CHECKS} checks, all right.")


main()
