-- Ordersite's own database and account. It makes its tables and views there, and nothing elsewhere.
CREATE ROLE ordersite LOGIN PASSWORD 'replace-this-password' NOSUPERUSER NOCREATEDB NOCREATEROLE;
CREATE DATABASE ordersite OWNER ordersite ENCODING 'UTF8' TEMPLATE template0;
-- The lists that people bring by the page, where several hosts serve them (INTAKE_DATABASE_URL).
CREATE DATABASE ordersite_intake OWNER ordersite ENCODING 'UTF8' TEMPLATE template0;
