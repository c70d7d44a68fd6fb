/**
 * The types of pgvector, from the generated schema with its vector indexes to documents, by the official command line
 * tool. Where the PostgreSQL that is tested has no pgvector, as on Debian 12, there is nothing to test.
 */
import { after, before, test } from "node:test";
import { assertArrives, deploy, generate, openScenario, startCluster } from "../harness/index.mjs";

const sql = `
  CREATE EXTENSION vector;
  CREATE DOMAIN embedding AS vector(3);
  CREATE TYPE place AS (name text, at halfvec(2));
  CREATE TABLE items (id int PRIMARY KEY, v vector(3) NOT NULL, half halfvec(4), sparse sparsevec(7), of_domain embedding,
    any_size vector, list vector(2)[], halves halfvec[] NOT NULL, sparses sparsevec[], domains embedding[], place place);
  INSERT INTO items VALUES
    (1, '[1,0.1,-2.5]', '[1,0.1,-65504,5.9604645e-08]', '{1:0.5,4:-3,7:1e-5}/7', '[1,2,3]', '[3.4028235e38,1e-45]', '{"[1,2]","[3,4]"}',
      '{"[1]","[0.1,0.2]"}', '{"{1:1}/2","{}/3"}', '{"[1,2,3]"}', ROW('x', '[0.1,2]')),
    (2, '[0,0,0]', '[0,0,0,0]', '{}/7', '[-0,0,1]', '[-0]', '{}', '{}', '{}', '{}', ROW(NULL, NULL)),
    (3, '[3.1415927,1e-45,-1e38]', NULL, NULL, NULL, NULL, NULL, '{}', NULL, NULL, NULL);
  INSERT INTO items (id, v, any_size, half, halves)
    SELECT i, ARRAY[i, i / 3.0, -i]::vector, array_fill(i / 7.0, '{1536}')::vector, ARRAY[i, i / 3.0, 0, -i]::vector::halfvec, '{}'
      FROM generate_series(4, 100) AS i;`;

let cluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

async function hasVector() {
  const client = await cluster.connect();
  const { rowCount } = await client.query("SELECT FROM pg_available_extensions WHERE name = 'vector'");
  return rowCount > 0;
}

test("pgvector: generate, npx convex deploy, migrate", async (t) => {
  if (!(await hasVector())) return t.skip("this PostgreSQL has no pgvector");
  const scenario = await openScenario(t, cluster, { sql, options: { batch_rows: 7 } });
  await deploy(await generate(scenario.client), scenario.convex);
  await assertArrives({ ...scenario, deferred: {} });
});
