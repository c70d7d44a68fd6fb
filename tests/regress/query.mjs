/**
 * Prints what a public query of the local Convex returns, as JSON: for
 * regression files, which run from the top of the repository.
 *
 *   node tests/regress/query.mjs migrate:organigram     (CONVEX_URL says where)
 */
import { ConvexHttpClient } from "convex/browser";

const client = new ConvexHttpClient(process.env.CONVEX_URL);
process.stdout.write(JSON.stringify(await client.query(process.argv[2], {})));
