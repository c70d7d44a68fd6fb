-- Writes what is generated into the files that drift.sql names.
\pset format unaligned
\pset tuples_only on
\o :schema_file
SELECT convex_schema();
\o :functions_file
SELECT convex_functions();
\o
\pset format aligned
\pset tuples_only off
