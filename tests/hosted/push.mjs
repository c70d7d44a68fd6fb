/** Deploys the project's convex/ into the local Convex: what a user does with Convex's own tool. */
const response = await fetch(`${process.env.CONVEX_URL}/local/functions`, {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ directory: `${process.cwd()}/convex` }),
});
if (!response.ok) throw new Error(await response.text());
