/**
 * What `npx convex dev` would generate in each project's `_generated/server`,
 * as far as the example uses it; for the type checker alone (see tsconfig.json).
 */
import type { DataModelFromSchemaDefinition, MutationBuilder } from "convex/server";
import type schema from "../../schema";

type DataModel = DataModelFromSchemaDefinition<typeof schema>;

export declare const mutation: MutationBuilder<DataModel, "public">;
export declare const internalMutation: MutationBuilder<DataModel, "internal">;
