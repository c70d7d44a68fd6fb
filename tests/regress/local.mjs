/**
 * Asks a control route of the local Convex, for regression files, which run from the top of the repository:
 *
 *   node tests/regress/local.mjs functions FOLDER    deploys a folder; documents that were there are forgotten
 *   node tests/regress/local.mjs mutations           prints how many mutations were committed since
 */
const [what, directory] = process.argv.slice(2);

async function control(route, body) {
  const response = await fetch(`${process.env.CONVEX_URL}/local/${route}`, body && {
    method: "POST",
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(await response.text());
  return response.json();
}

if (what === "functions") {
  await control("reset", {});
  await control("functions", { directory });
} else {
  console.log((await control("stats")).mutationsCommitted);
}
