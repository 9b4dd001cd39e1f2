-- The account that reads the orders: one table, reading only. Run by an administrator of that database.
-- Replace the password; the table is the one that source.table of the board's document names.
CREATE ROLE ordersite_reader LOGIN PASSWORD 'replace-this-password' NOSUPERUSER NOCREATEDB NOCREATEROLE;
ALTER ROLE ordersite_reader SET default_transaction_read_only = on;
GRANT USAGE ON SCHEMA public TO ordersite_reader;
GRANT SELECT ON TABLE public."ORDERS_UNIFIED" TO ordersite_reader;
-- Before PostgreSQL 15 everybody may make tables in this schema; `doctor` says so. What else needs that must be granted it.
-- REVOKE CREATE ON SCHEMA public FROM PUBLIC;
