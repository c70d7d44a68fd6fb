/**
 * What docs/reshape.md tells a reader to type is typed here, all of it in one database, as it stands there; then the
 * documents are those that it promises.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { arrived, openGenerated, startCluster } from "../harness/index.mjs";

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

/** The sections of the page, by heading, with their SQL. */
function sections() {
  const text = readFileSync(new URL("../../docs/reshape.md", import.meta.url), "utf8");
  return text.split(/^(?=##? )/m).map((section) => ({
    heading: /^##? (.*)/.exec(section)[1],
    blocks: [...section.matchAll(/^```sql\n([\s\S]*?)^```$/gm)].map(([, code]) => code),
  }));
}

const ROWS = `
  INSERT INTO invoices VALUES (1, '12.50', 7, NULL), (2, '3', 7, now());
  INSERT INTO orders VALUES (1, 'ann', '2026-07-01 12:00'), (2, 'bob', '2026-12-01 12:00');
  INSERT INTO order_lines VALUES (1, 2, 'pen', 3), (1, 1, 'ink', NULL);
  INSERT INTO acme.users VALUES (1, 'ann', NULL), (2, 'al', 1);
  INSERT INTO globex.users VALUES (1, 'gus', NULL), (2, 'gil', 1);
  INSERT INTO people VALUES (1, 'ann', 'ann@example.com', '1990-01-02', 'long', '{}'), (2, 'bob', 'bob@example.org', NULL, NULL, NULL);
  INSERT INTO products VALUES (1, 'pen', '19.99');
  INSERT INTO comments VALUES (1, 'Order', 1, 'late'), (2, 'Product', 1, 'nice');`;

/** By Convex table, the documents of these rows. */
const DOCUMENTS = {
  openInvoices: { 1: { total: "$12.50", customer_id: 7 } },
  orders: { 1: { customer: "ann", lines: [{ product: "ink" }, { product: "pen", quantity: 3 }] }, 2: { customer: "bob", lines: [] } },
  users: {
    "acme:1": { tenant: "acme", name: "ann" },
    "acme:2": { tenant: "acme", name: "al", manager_id: "users:acme:1" },
    "globex:1": { tenant: "globex", name: "gus" },
    "globex:2": { tenant: "globex", name: "gil", manager_id: "users:globex:1" },
  },
  publicPeople: { 1: { name: "ann", email: "a…@example.com" }, 2: { name: "bob", email: "b…@example.org" } },
  profiles: { 1: { person_id: "publicPeople:1", born: "1990-01-02", biography: "long" } },
  products: { 1: { name: "pen", price_cents: 1999 } },
  placedOrders: { 1: { placed_at: Date.UTC(2026, 6, 1, 10) }, 2: { placed_at: Date.UTC(2026, 11, 1, 11) } },
  comments: { 1: { body: "late", order_id: "orders:1" }, 2: { body: "nice", product_id: "products:1" } },
};

test("every recipe that needs no other machine and no extension", async (t) => {
  const [first, ...recipes] = sections();
  const [open, tables] = first.blocks;
  const scenario = await openGenerated(t, cluster, { sql: `${tables} ${ROWS}` });
  const { client, convex, migrate, deployGenerated } = scenario;
  await client.query(open);
  for (const { heading, blocks } of recipes) {
    if (!OTHERS.includes(heading)) await client.query(blocks.join("\n"));
  }
  await deployGenerated();
  const { rows: problems } = await client.query(
    "SELECT problem, source::text FROM convex_check() WHERE severity = 'error' OR rows IS NOT NULL");
  assert.deepEqual(problems, []);
  const report = await migrate();
  assert.equal(report.at(-1).status, "complete");
  assert.deepEqual(report.map(({ target }) => target).filter(Boolean).sort(), Object.keys(DOCUMENTS).sort());
  assert.deepEqual(await arrived(convex, Object.keys(DOCUMENTS)), DOCUMENTS);
});

/** Sections with a test of their own. */
const OTHERS = ["Places as GeoJSON", "More than one machine"];
