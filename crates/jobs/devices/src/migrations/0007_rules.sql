-- The rules for alerts that were changed or added. The five rules as they are otherwise have no row.
CREATE TABLE devices_rules (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    -- Counted up with every change; the version of the document.
    version BIGINT NOT NULL,
    -- Sealed: what it looks at, for how long, where, when, and the name.
    document BLOB NOT NULL
);
