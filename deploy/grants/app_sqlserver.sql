-- Ordersite's own database and account. It makes its tables and views there, and nothing elsewhere.
CREATE DATABASE ordersite;
GO
ALTER DATABASE ordersite SET READ_COMMITTED_SNAPSHOT ON;
GO
CREATE LOGIN ordersite WITH PASSWORD = 'replace-this-password', CHECK_POLICY = ON;
GO
USE ordersite;
GO
CREATE USER ordersite FOR LOGIN ordersite;
ALTER ROLE db_datareader ADD MEMBER ordersite;
ALTER ROLE db_datawriter ADD MEMBER ordersite;
ALTER ROLE db_ddladmin ADD MEMBER ordersite;
GO
-- The lists that people bring by the page, where several hosts serve them (INTAKE_DATABASE_URL).
CREATE DATABASE ordersite_intake;
GO
USE ordersite_intake;
GO
CREATE USER ordersite FOR LOGIN ordersite;
ALTER ROLE db_datareader ADD MEMBER ordersite;
ALTER ROLE db_datawriter ADD MEMBER ordersite;
ALTER ROLE db_ddladmin ADD MEMBER ordersite;
