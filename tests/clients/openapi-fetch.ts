// A session with the types of openapi-typescript and the client of openapi-fetch. What the document says wrongly does not
// compile: see tsconfig.json for how strict that is.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./generated/openapi-typescript.js";

type Schemas = components["schemas"];

const baseUrl = process.env["BASE_URL"] ?? "http://localhost:3000";
const account = { email: "openapi-fetch@example.com", password: "three blue lamps", name: "Openapi Fetch" };

/** What a call answered, which has to be a success. */
function data<T>(answer: { data?: T; error?: Schemas["FailureBody"]; response: Response }): T {
  if (answer.error !== undefined) {
    throw new Error(`${answer.response.status} ${answer.error.error.code}: ${answer.error.error.message}`);
  }
  assert.ok(answer.data !== undefined);
  return answer.data;
}

const anybody = createClient<paths>({ baseUrl });
const registered = data(await anybody.POST("/api/auth/register", { body: account }));
assert.equal(registered.data.email, account.email);
const login = data(await anybody.POST("/api/auth/login", { body: { email: account.email, password: account.password } }));
const client = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${login.data.access_token}` } });
const me: Schemas["User"] = data(await client.GET("/api/auth/me")).data;
assert.equal(me.id, registered.data.id);

// Create
const meal: Schemas["CreateTransaction"] = { title: "ข้าวมันไก่", amount: "60.50", type: "EXPENSE", category: "Food & Dining", tags: ["lunch"] };
const created: Schemas["Transaction"] = data(await client.POST("/api/transactions", { body: meal })).data;
assert.equal(created.amount, 60.5);
for (const day of ["2026-02-14", "2026-02-15", "2026-02-16", "2026-02-17"]) {
  data(await client.POST("/api/transactions", { body: { title: `bus ${day}`, amount: 12, type: "EXPENSE", date: day, payee: "BMTA" } }));
}
const again = { headers: { "Idempotency-Key": "salary-february" } };
const salary = { title: "Salary", amount: 42000, type: "INCOME", date: "2026-02-25" } as const;
const first = data(await client.POST("/api/transactions", { params: { header: again.headers }, body: salary }));
const second = data(await client.POST("/api/transactions", { params: { header: again.headers }, body: salary }));
assert.equal(first.data.id, second.data.id);

// Pages
const ids: number[] = [];
let cursor: string | null | undefined;
do {
  const page = data(await client.GET("/api/transactions", { params: { query: { limit: 2, sort: "-amount", ...(cursor ? { cursor } : {}) } } }));
  ids.push(...page.data.map((transaction) => transaction.id));
  assert.ok(page.meta.page, "a page that was asked for says where it stands");
  cursor = page.meta.page.nextCursor;
} while (cursor);
assert.equal(new Set(ids).size, 6);
assert.equal(ids[0], first.data.id);

// Patch
const path = { id: created.id };
const read = await client.GET("/api/transactions/{id}", { params: { path } });
const tag = read.response.headers.get("etag");
assert.ok(tag);
const patched = await client.PATCH("/api/transactions/{id}", { params: { path, header: { "If-Match": tag } }, body: { amount: 65, note: "with egg" } });
assert.deepEqual([data(patched).data.amount, data(patched).data.note], [65, "with egg"]);
const stale = await client.PATCH("/api/transactions/{id}", { params: { path, header: { "If-Match": tag } }, body: { note: null } });
assert.equal(stale.error?.error.code, "PRECONDITION_FAILED");
const entries = data(await client.GET("/api/transactions/{id}/history", { params: { path } })).data;
const before: Schemas["TransactionFields"] | null | undefined = entries[0]?.before;
assert.equal(before?.amount, 60.5);

// Bulk
const change: Schemas["UpdateTransactions"] = { filter: { payee: "BMTA" }, set: { addTags: ["commute"], category: "Transportation" } };
const tried = data(await client.PATCH("/api/transactions", { body: { ...change, dryRun: true } }));
assert.deepEqual(tried.data, { matched: 4, changed: 4, dryRun: true });
const changed = data(await client.PATCH("/api/transactions", { body: change }));
assert.equal(changed.data.changed, 4);
const tagged = async () => data(await client.GET("/api/transactions", { params: { query: { tag: "commute" } } })).data.length;
assert.equal(await tagged(), 4);

// Undo
assert.ok(changed.meta.operationId, "a change names the operation that it was");
const undone = data(await client.POST("/api/operations/{id}/undo", { params: { path: { id: changed.meta.operationId } } }));
assert.equal(undone.data.undone, changed.meta.operationId);
assert.equal(await tagged(), 0);

// A refusal tells what was wrong, and its code is one of those that the document lists.
const refused = await client.POST("/api/transactions", { body: { title: "", amount: 1, type: "EXPENSE" } });
assert.ok(refused.error);
const code: Schemas["ErrorCode"] = refused.error.error.code;
assert.equal(code, "BAD_REQUEST");
assert.deepEqual(refused.error.error.details, ["title should not be empty"]);

console.log("openapi-typescript and openapi-fetch: done");
