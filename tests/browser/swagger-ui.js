// Goes through the documentation page as a person does who has never seen it: registers, signs in, authorizes, and executes every
// operation as it stands. Nothing is typed but the token, and the id of what is to be read or changed.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const base = process.env.BASE_URL;

// Ids are counted for all accounts together: those in the examples are to be somebody else's.
const other = { email: "first@example.com", password: "correct horse battery" };
const registered = await fetch(`${base}/api/auth/register`, {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(other),
});
assert.equal(registered.status, 201);

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
const page = await browser.newPage();
const problems = [];
page.on("pageerror", (error) => problems.push(`the page failed: ${error}`));
page.on("console", (message) => {
  // A refusal, and a browser's question for an icon, are told there as well.
  if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
    problems.push(`the console says: ${message.text()}`);
  }
});
page.on("request", (request) => {
  if (!request.url().startsWith(base) && !request.url().startsWith("data:")) {
    problems.push(`something is fetched from elsewhere: ${request.url()}`);
  }
});

/** The last id that was answered for each collection, such as `transactions`. */
const ids = {};

/** Opens an operation, types the id it is about, executes it, and reads from the page what came of it. */
async function execute({ method, path, operation }) {
  const block = page.locator(`[id="operations-${operation.tags[0]}-${operation.operationId}"]`);
  await block.locator(".opblock-summary-control").click();
  const collection = path.split("/")[2];
  if (path.includes("{id}")) {
    await block.locator('tr[data-param-name="id"] input').fill(String(ids[collection]));
  }
  await block.getByRole("button", { name: "Execute" }).click();
  const answer = block.locator(".live-responses-table");
  const status = Number((await answer.locator("tbody .response-col_status").first().innerText()).split("\n")[0]);
  const text = await answer.locator("tbody .highlight-code code, tbody .microlight").first().innerText();
  const body = JSON.parse(text);
  // With many of them open the page takes its time.
  await block.locator(".opblock-summary-control").click();
  const id = body.data?.id ?? body.data?.[0]?.id;
  if (id !== undefined) {
    ids[collection] = id;
  }
  console.log(`${status}  ${method.toUpperCase()} ${path}${status < 400 ? "" : `  ${text.replace(/\s+/g, " ").slice(0, 200)}`}`);
  return { status, body };
}

/** Executes what has to succeed. */
async function succeed(operation) {
  const answer = await execute(operation);
  if (answer.status >= 300) {
    problems.push(`${operation.method} ${operation.path}: ${answer.status}`);
  }
  return answer;
}

await page.goto(base);
assert.equal(page.url(), `${base}/api/docs/`, "the root leads to the documentation");
assert.equal(await page.title(), "Expense tracker API");
await page.locator(".opblock").first().waitFor();

const document = await (await fetch(`${base}/api/openapi.json`)).json();
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ method, path, operation })),
);
assert.equal(await page.locator(".opblock").count(), operations.length, "all operations are shown");
const take = (method, path) => {
  const at = operations.findIndex((one) => one.method === method && one.path === path);
  assert.ok(at >= 0, `${method} ${path}`);
  return operations.splice(at, 1)[0];
};

// Sign in and authorize.
await succeed(take("post", "/api/auth/register"));
const login = await succeed(take("post", "/api/auth/login"));
await page.locator(".auth-wrapper .authorize").first().click();
const dialog = page.locator(".dialog-ux");
await dialog.locator("input").fill(login.body.data.access_token);
await dialog.getByRole("button", { name: "Apply credentials" }).click();
await dialog.getByRole("button", { name: "Close" }).first().click();

// Create, list, change many.
await succeed(take("post", "/api/transactions"));
await succeed(take("get", "/api/transactions"));
const tried = await succeed(take("patch", "/api/transactions"));
assert.equal(tried.body.data.dryRun, true, "as it stands, it only counts");

// All others, in an order in which there is always something to read, and nothing is gone that another one needs.
const order = [
  ({ method, path }) => method === "post" && !path.includes("{id}"),
  ({ method }) => method === "get",
  ({ method }) => method === "put" || method === "patch",
  ({ path }) => path.endsWith("/merge"),
  ({ path }) => path.endsWith("/undo"),
  ({ method, path }) => method === "delete" && path.includes("{id}"),
  ({ path }) => path.endsWith("/restore"),
  () => true,
];
const changes = operations.find(({ method, path }) => method === "get" && path === "/api/operations");
const rank = (operation) => order.findIndex((is) => is(operation));
for (const operation of operations.sort((one, two) => rank(one) - rank(two))) {
  if (operation.path.endsWith("/merge")) {
    // The example merges into a row of somebody else's.
    const { status } = await execute(operation);
    if (status !== 404) {
      problems.push(`${operation.method} ${operation.path}: ${status}`);
    }
  } else {
    if (operation.path.startsWith("/api/trash/")) {
      ids.trash = ids.transactions;
    }
    if (operation.path.endsWith("/undo")) {
      // The last one.
      await succeed(changes);
    }
    await succeed(operation);
  }
}

// Whoever loads the page again is still signed in.
await page.reload();
await page.locator(".opblock").first().waitFor();
const me = { method: "get", path: "/api/auth/me", operation: document.paths["/api/auth/me"].get };
await succeed(me);

await browser.close();
for (const problem of problems) {
  console.error(problem);
}
console.log(problems.length === 0 ? "Swagger UI: done" : `Swagger UI: ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
