// The functions of migrate.ts without the one for the second pass.
export { migrateDepartments, migrateEmployees } from "./migrate";
