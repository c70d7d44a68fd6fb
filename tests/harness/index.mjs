/**
 * The harness of the tests: everything they need to run a migration and to
 * prove what it did. Each part says in its own header how it is used.
 */
export { arrived } from "./arrived.mjs";
export { assertArrives, assertVerifies, deferredByPlan, openShape } from "./arrival.mjs";
export { startCluster } from "./cluster.mjs";
export { openProject } from "./bridge.mjs";
export { compareDocuments } from "./compare.mjs";
export { messagingProject, startConvex } from "./convex.mjs";
export { loadMessaging, prepareDatabase } from "./database.mjs";
export { deploy } from "./deploy.mjs";
export { resetConnection, startForwarder } from "./forwarder.mjs";
export { insertsInto, upsertsInto, writeFunctions } from "./functions.mjs";
export { generate, openGenerated } from "./generated.mjs";
export { freePort, PASSWORD, startHosted } from "./hosted.mjs";
export { startNarrows } from "./narrows.mjs";
export { mustRun, run, temporaryFolder } from "./process.mjs";
export { errorOf, openScenario, textsOf, until } from "./scenario.mjs";
