-- The role of Electric, as docker-compose.yml makes it; docs/production.md says more. On a PostgreSQL of
-- your own, let an administrator make such a role, and run `pipeloom electric setup`.
\set ON_ERROR_STOP on
\set password ''
\set secret ''
\getenv password ELECTRIC_PASSWORD
\getenv secret ELECTRIC_SECRET
SELECT length(:'password') < 16 OR length(:'secret') < 32 AS is_short \gset
\if :is_short
    \warn 'set ELECTRIC_PASSWORD to 16 letters and digits or more, ELECTRIC_SECRET to 32 or more'
    SELECT 1 / 0;
\endif
SELECT format('CREATE ROLE electric LOGIN REPLICATION PASSWORD %L', :'password')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'electric') \gexec
SELECT format('ALTER ROLE electric PASSWORD %L', :'password') \gexec
