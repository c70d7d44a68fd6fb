-- The plan of names of every illegal kind.
-- (End to end: tests/e2e/shapes.test.mjs.)
SET client_min_messages = warning;
CREATE EXTENSION convex_migrate;
CREATE SCHEMA shape;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'shape');
CREATE TABLE shape."User-Accounts" (id int PRIMARY KEY, "größe" int, _private int, "1st" int, "a b" int, "a-b" int, "日本" int, "_id" int, "_creationTime" int, "supabaseId" int);
CREATE TABLE shape."a""b" (id int PRIMARY KEY, "c'd\e" int REFERENCES shape."User-Accounts");
CREATE TABLE shape."; DROP TABLE x; --" (id int PRIMARY KEY);
CREATE TABLE shape."2fa" (id int PRIMARY KEY);
CREATE TABLE shape."___" (id int PRIMARY KEY);
CREATE TABLE shape."ｆｕｌｌ" (id int PRIMARY KEY);
CREATE TABLE shape.abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk (id int PRIMARY KEY);
CREATE TABLE shape.abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijl (id int PRIMARY KEY);
SELECT level, source, target, kind, key, "references", notes FROM convex_plan();
DROP SCHEMA shape CASCADE;
DROP EXTENSION convex_migrate CASCADE;
