// A session with the client that orval makes.
import assert from "node:assert/strict";
import * as api from "./generated/orval.js";
import { signIn } from "./request.js";

const account: api.Register = { email: "orval@example.com", password: "three blue lamps", name: "Orval" };

/** A success of such an answer. */
type Ok<Answer> = Extract<Answer, { status: 200 | 201 }>;

/** What a call answered, which has to be a success. */
function data<Answer extends { status: number; data: unknown }>(answer: Answer): Ok<Answer>["data"] {
  assert.ok(answer.status === 200 || answer.status === 201, JSON.stringify(answer.data));
  return (answer as Ok<Answer>).data;
}

const registered = data(await api.authRegister(account));
assert.equal(registered.data.email, account.email);
signIn(data(await api.authLogin({ email: account.email, password: account.password })).data.access_token);
const me: api.User = data(await api.authMe()).data;
assert.equal(me.id, registered.data.id);

// Create
const created: api.Transaction = data(
  await api.transactionsCreate({ title: "ข้าวมันไก่", amount: "60.50", type: "EXPENSE", category: "Food & Dining", tags: ["lunch"] }),
).data;
assert.equal(created.amount, 60.5);
for (const day of ["2026-02-14", "2026-02-15", "2026-02-16", "2026-02-17"]) {
  data(await api.transactionsCreate({ title: `bus ${day}`, amount: 12, type: "EXPENSE", date: day, payee: "BMTA" }));
}
const again = { "Idempotency-Key": "salary-february" };
const salary = { title: "Salary", amount: 42000, type: "INCOME", date: "2026-02-25" } as const;
const first = data(await api.transactionsCreate(salary, { headers: again }));
const second = data(await api.transactionsCreate(salary, { headers: again }));
assert.equal(first.data.id, second.data.id);

// Pages
const ids: number[] = [];
let cursor: string | null = null;
do {
  const query: api.TransactionsListParams = { limit: 2, sort: "-amount" };
  if (cursor) {
    query.cursor = cursor;
  }
  const page: api.TransactionList = data(await api.transactionsList(query));
  ids.push(...page.data.map((transaction) => transaction.id));
  assert.ok(page.meta.page, "a page that was asked for says where it stands");
  cursor = page.meta.page.nextCursor;
} while (cursor);
assert.equal(new Set(ids).size, 6);
assert.equal(ids[0], first.data.id);

// Patch
const read = await api.transactionsRead(created.id);
const tag = read.headers.get("etag");
assert.ok(tag);
const patched = data(await api.transactionsUpdate(created.id, { amount: 65, note: "with egg" }, { headers: { "If-Match": tag } }));
assert.deepEqual([patched.data.amount, patched.data.note], [65, "with egg"]);
const stale = await api.transactionsUpdate(created.id, { note: null }, { headers: { "If-Match": tag } });
assert.ok(stale.status === 412 && stale.data.error.code === "PRECONDITION_FAILED");
const entries = data(await api.historyOfTransaction(created.id)).data;
const before: api.TransactionFields | null | undefined = entries[0]?.before;
assert.equal(before?.amount, 60.5);

// Bulk
const change: api.UpdateTransactions = { filter: { payee: "BMTA" }, set: { addTags: ["commute"], category: "Transportation" } };
const tried = data(await api.transactionsBulkUpdate({ ...change, dryRun: true }));
assert.deepEqual(tried.data, { matched: 4, changed: 4, dryRun: true });
const changed = data(await api.transactionsBulkUpdate(change));
assert.equal(changed.data.changed, 4);
const tagged = async () => data(await api.transactionsList({ tag: "commute" })).data.length;
assert.equal(await tagged(), 4);

// Undo
assert.ok(changed.meta.operationId, "a change names the operation that it was");
const undone = data(await api.historyUndoOperation(changed.meta.operationId));
assert.equal(undone.data.undone, changed.meta.operationId);
assert.equal(await tagged(), 0);

// A refusal tells what was wrong, and its code is one of those that the document lists.
const refused = await api.transactionsCreate({ title: "", amount: 1, type: "EXPENSE" });
assert.ok(refused.status === 400);
const code: api.ErrorCode = refused.data.error.code;
assert.equal(code, "BAD_REQUEST");
assert.deepEqual(refused.data.error.details, ["title should not be empty"]);

console.log("orval: done");
