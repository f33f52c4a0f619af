-- One journal in place of the audit and the change log: numbered without gaps, each entry's mac over the one before it.
CREATE TABLE journal (
    number BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    -- The table and the id of what the entry is about, as in credential/ID; NULL for the home.
    about TEXT,
    -- What a credential was called then.
    name TEXT,
    actor TEXT NOT NULL,
    -- The host of the process that wrote it.
    writer TEXT NOT NULL,
    -- Only in entries of an earlier version: their place in their writer's own chain.
    sequence BIGINT,
    -- JSON; a sentence in entries of an earlier version.
    payload TEXT NOT NULL,
    mac BLOB NOT NULL
);

CREATE INDEX journal_by_time ON journal (at);
-- What one client was handed.
CREATE INDEX journal_by_actor ON journal (actor, at);
-- When something last happened to a credential.
CREATE INDEX journal_by_about ON journal (about, kind, at);

-- The entries of an earlier version keep the chains that they stand in. The first entry after them names the ends of those.
INSERT INTO journal (number, at, kind, about, name, actor, writer, sequence, payload, mac)
SELECT ROW_NUMBER() OVER (ORDER BY writer, sequence), at, action, 'credential/' || credential_id, credential_name, actor,
    writer, sequence, detail, mac
FROM audit;

DROP TABLE audit;
DROP TABLE changes;
ALTER TABLE home DROP COLUMN changed;

-- The end of the journal: the last lock of every transaction that appends.
CREATE TABLE journal_head (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    number BIGINT NOT NULL,
    -- Of the entry with that number. NULL before the first entry of this version.
    mac BLOB,
    -- The latest entry that says how far the journal was pruned. NULL if it never was.
    anchor BIGINT
);

INSERT INTO journal_head (id, number) SELECT 1, CAST(COUNT(*) AS BIGINT) FROM journal;

-- How long entries are kept.
CREATE TABLE journal_retention (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    -- NULL for forever.
    keep BIGINT,
    -- The earlier setting. If it is longer, it stays in force for a day after the change.
    keep_before BIGINT,
    changed_at BIGINT NOT NULL,
    -- Over all of that.
    seal BLOB NOT NULL
);

-- Named readers of the journal, and how far each has come.
CREATE TABLE cursors (
    consumer TEXT NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL,
    mac BLOB NOT NULL
);
