-- The account that reads the orders: one table, reading only. Run by an administrator of that database.
-- Replace the password; the table is the one that source.table of the board's document names.
CREATE LOGIN ordersite_reader WITH PASSWORD = 'replace-this-password', CHECK_POLICY = ON;
CREATE USER ordersite_reader FOR LOGIN ordersite_reader;
GRANT CONNECT TO ordersite_reader;
GRANT SELECT ON OBJECT::dbo.ORDERS_UNIFIED TO ordersite_reader;
DENY INSERT, UPDATE, DELETE, ALTER ON OBJECT::dbo.ORDERS_UNIFIED TO ordersite_reader;
