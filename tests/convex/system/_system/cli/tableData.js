/** Pages of a table's documents. */
import { paginationOptsValidator, queryGeneric } from "convex/server";
import { v } from "convex/values";

// npm-packages/system-udfs/convex/_system/paginationLimits.ts
const MAXIMUM_ROWS_READ = 10000;
const MAXIMUM_BYTES_READ = 5000000;

export default queryGeneric({
  args: {
    table: v.string(),
    order: v.union(v.literal("asc"), v.literal("desc")),
    paginationOpts: paginationOptsValidator,
  },
  handler: async ({ db }, { table, order, paginationOpts }) =>
    await (table.startsWith("_") ? db.system : db)
      .query(table)
      .order(order)
      .paginate({
        ...paginationOpts,
        maximumRowsRead: MAXIMUM_ROWS_READ,
        maximumBytesRead: MAXIMUM_BYTES_READ,
      }),
});
