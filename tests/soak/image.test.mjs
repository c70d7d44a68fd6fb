// The Dockerfile's image, built and run in a chroot ("make bridge-image", as root, with mmdebstrap).
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { mustRun, run, startConvex, startHosted, temporaryFolder } from "../harness/index.mjs";
import { assertAllArrived } from "../hosted/migration.mjs";

const script = fileURLToPath(new URL("../hosted/image.sh", import.meta.url));
const image = mkdtempSync("/tmp/convex-bridge-image.");
let hosted;

before(async () => {
  await mustRun(script, ["build", image]);
  hosted = await startHosted({ sizes: { contacts: 300, conversations: 600, messages: 8000, notes: 200 } });
});

after(async () => {
  await run(script, ["remove", image]);
  await hosted?.stop();
});

test("generate, deploy, migrate: as docker run would", async (t) => {
  const convex = await startConvex();
  t.after(() => convex.stop());
  const app = `${temporaryFolder("convex-image-app")}/app`;
  mkdirSync(app);
  chmodSync(app, 0o755);
  const env = { PATH: process.env.PATH, SOURCE_URL: hosted.url("app"), CONVEX_URL: convex.url, CONVEX_DEPLOY_KEY: convex.deployKey };
  await mustRun(script, ["run", image, app, "generate"], { env });
  assert.match(readFileSync(`${app}/convex/schema.ts`, "utf8"), /defineSchema/);
  await convex.control("functions", { directory: `${app}/convex` });
  await mustRun(script, ["run", image, app, "migrate"], { env });
  assert.ok((await assertAllArrived(hosted, convex)) > 8000);
  const { stdout } = await mustRun(script, ["run", image, app, "status"], { env });
  assert.match(stdout, /schemas +\| public/);
  await mustRun(script, ["run", image, app, "drop"], { env });
});
