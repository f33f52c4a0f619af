//! The schema on PostgreSQL: the same scripts in its words, and what the database has.

/// The statements that run before the scripts on PostgreSQL: they make the version number that SQLite keeps in its header.
pub(super) const PRELUDE: &str = "CREATE TABLE schema_version (version BIGINT NOT NULL); \
     INSERT INTO schema_version (version) VALUES (0)";

/// A migration's script for PostgreSQL. Bytes have another name there, and texts are ordered by their bytes, as SQLite orders them,
/// whatever the database's own order is.
pub(crate) fn translated(script: &str) -> String {
    script.replace(" BLOB", " BYTEA").replace(" TEXT", " TEXT COLLATE \"C\"")
}

/// Begins the look at the schema. Only the system's own schema is searched for as long as it lasts: an operator or a function of
/// another one, even of Lanyard's, would take part in the statement that is to find it.
pub(super) const LOOK: &str = "BEGIN READ ONLY; SET LOCAL search_path = pg_catalog, pg_temp";

/// All that can act in Lanyard's schema or be read there, in no order: tables with their columns, indexes, views, sequences,
/// constraints, triggers, rules, policies, functions, types, and anything else that is in it. Names within a table follow its name.
/// What other schemas have acts on Lanyard's tables through foreign keys, statistics and casts. PostgreSQL 18 counts NOT NULL among the
/// constraints, which the columns show already. Default privileges and publications are the administrator's.
pub(super) const SCHEMA_OBJECTS: &str = r"
WITH ours AS (SELECT oid FROM pg_namespace WHERE nspname = 'lanyard'),
relations AS (SELECT c.* FROM pg_class c JOIN ours ON c.relnamespace = ours.oid)
SELECT CASE c.relkind WHEN 'r' THEN 'table' WHEN 'i' THEN 'index' WHEN 'v' THEN 'view' WHEN 'S' THEN 'sequence'
           ELSE 'relation of kind ' || CAST(c.relkind AS TEXT) END AS type,
       CAST(c.relname AS TEXT) AS name,
       CASE WHEN c.relkind = 'i' THEN pg_get_indexdef(c.oid)
            WHEN c.relkind = 'r' THEN
                (SELECT string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod),
                            'COLLATE ' || CASE WHEN l.collnamespace <> CAST('pg_catalog' AS regnamespace)
                                THEN CAST(CAST(l.collnamespace AS regnamespace) AS TEXT) || '.' || l.collname
                                ELSE NULLIF(l.collname, 'default') END,
                            CASE WHEN a.attnotnull THEN 'NOT NULL' END,
                            CASE WHEN a.attgenerated <> '' THEN 'GENERATED' END,
                            CASE WHEN a.attidentity <> '' THEN 'IDENTITY' END,
                            'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid)), ', ' ORDER BY a.attnum)
                 FROM pg_attribute a LEFT JOIN pg_collation l ON l.oid = a.attcollation
                     LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
                || CASE WHEN c.relrowsecurity OR c.relforcerowsecurity THEN '; row security' ELSE '' END
                || CASE WHEN c.relpersistence <> 'p' THEN '; not durable' ELSE '' END
                || CASE WHEN EXISTS (SELECT 1 FROM pg_inherits i WHERE c.oid IN (i.inhrelid, i.inhparent))
                       THEN '; inherits' ELSE '' END
       END AS sql
FROM relations c
UNION ALL
SELECT 'constraint', c.relname || '.' || t.conname, pg_get_constraintdef(t.oid)
FROM pg_constraint t JOIN relations c ON c.oid = t.conrelid WHERE t.contype <> 'n'
UNION ALL
SELECT 'foreign key', CAST(CAST(t.conrelid AS regclass) AS TEXT) || '.' || t.conname, pg_get_constraintdef(t.oid)
FROM pg_constraint t JOIN relations c ON c.oid = t.confrelid WHERE t.conrelid NOT IN (SELECT oid FROM relations)
UNION ALL
SELECT 'trigger', c.relname || '.' || t.tgname, pg_get_triggerdef(t.oid)
FROM pg_trigger t JOIN relations c ON c.oid = t.tgrelid
WHERE NOT t.tgisinternal OR t.tgenabled <> 'O' OR NOT EXISTS
    (SELECT 1 FROM pg_constraint k WHERE k.oid = t.tgconstraint AND k.contype = 'f' AND c.oid IN (k.conrelid, k.confrelid))
UNION ALL
SELECT 'rule', c.relname || '.' || r.rulename, pg_get_ruledef(r.oid)
FROM pg_rewrite r JOIN relations c ON c.oid = r.ev_class WHERE c.relkind <> 'v'
UNION ALL
SELECT 'policy', c.relname || '.' || p.polname, pg_get_expr(p.polqual, p.polrelid)
FROM pg_policy p JOIN relations c ON c.oid = p.polrelid
UNION ALL
SELECT 'function', CAST(p.proname AS TEXT), pg_get_function_identity_arguments(p.oid)
FROM pg_proc p JOIN ours ON p.pronamespace = ours.oid
UNION ALL
SELECT 'type', CAST(t.typname AS TEXT), format_type(t.typbasetype, t.typtypmod)
FROM pg_type t JOIN ours ON t.typnamespace = ours.oid
WHERE t.typtype <> 'c' AND NOT EXISTS (SELECT 1 FROM pg_type e WHERE e.typarray = t.oid)
UNION ALL
SELECT 'cast', format_type(k.castsource, NULL) || ' AS ' || format_type(k.casttarget, NULL), NULL
FROM pg_cast k WHERE EXISTS
    (SELECT 1 FROM pg_type t JOIN ours ON t.typnamespace = ours.oid WHERE t.oid IN (k.castsource, k.casttarget))
UNION ALL
SELECT 'statistics object', CAST(CAST(s.stxnamespace AS regnamespace) AS TEXT) || '.' || s.stxname, NULL
FROM pg_statistic_ext s JOIN relations c ON c.oid = s.stxrelid WHERE s.stxnamespace NOT IN (SELECT oid FROM ours)
UNION ALL
SELECT i.type, i.identity, NULL
FROM pg_depend d JOIN ours ON d.refobjid = ours.oid, LATERAL pg_identify_object(d.classid, d.objid, d.objsubid) i
WHERE d.refclassid = CAST('pg_namespace' AS regclass) AND d.classid NOT IN
    (SELECT c.oid FROM pg_class c WHERE c.relnamespace = CAST('pg_catalog' AS regnamespace) AND c.relname IN
        ('pg_class', 'pg_type', 'pg_proc', 'pg_default_acl', 'pg_publication_namespace'))";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration;

    /// After a new migration: `INSTA_UPDATE=always cargo test -p lanyard-store the_known_schema` writes the file again.
    #[test]
    fn the_known_schema_is_what_the_scripts_make() {
        let server = match lanyard_testkit::Postgres::shared() {
            Ok(server) => server,
            Err(why) => return lanyard_testkit::left_out(why),
        };
        let database = server.database();
        let name = database.split(['/', '?']).nth(3).unwrap();
        let scripts: String = migration::scripts().map(translated).collect();
        let make = format!("CREATE SCHEMA lanyard; SET search_path = lanyard, pg_temp; {PRELUDE}; {scripts}");
        server.query(name, &make).unwrap();
        let found = format!(
            "{LOOK}; SELECT type || ' ' || name || ': ' || COALESCE(sql, '') \
             FROM ({SCHEMA_OBJECTS}) AS objects ORDER BY (type || ' ' || name) COLLATE \"C\""
        );
        let found = server.query(name, &found).unwrap() + "\n";
        if std::env::var_os("INSTA_UPDATE").is_some_and(|update| update == "always") {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/migrations/schema.postgres.txt");
            return std::fs::write(path, found).unwrap();
        }
        assert_eq!(found, include_str!("../../migrations/schema.postgres.txt"));
    }

    #[test]
    fn columns_are_translated() {
        let script = "CREATE TABLE t (a TEXT NOT NULL, b BLOB, c BIGINT)";
        let expected = "CREATE TABLE t (a TEXT COLLATE \"C\" NOT NULL, b BYTEA, c BIGINT)";
        assert_eq!(translated(script), expected);
    }
}
