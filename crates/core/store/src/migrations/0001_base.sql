-- Written in the subset that SQLite and PostgreSQL share. Times of the wall clock are milliseconds since 1970, readings of the
-- boot clock nanoseconds within the boot that is named beside them, durations milliseconds.

CREATE TABLE home (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    key_id TEXT NOT NULL,
    key_source TEXT NOT NULL,
    -- The home's own data key. That it opens proves the home's key; the audit's key is derived from it.
    wrapped_key BLOB NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE apps (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    environment TEXT NOT NULL,
    client_id TEXT NOT NULL,
    -- Separated by line feeds, which no URL holds.
    redirect_uris TEXT NOT NULL,
    scopes TEXT NOT NULL,
    application_id TEXT,
    wrapped_key BLOB NOT NULL,
    client_secret BLOB NOT NULL,
    -- Counted up with each replacement of the secret.
    secret_version BIGINT NOT NULL
);

CREATE TABLE credentials (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    environment TEXT NOT NULL,
    app TEXT REFERENCES apps (id),
    standing TEXT NOT NULL,
    trouble_kind TEXT,
    trouble_message TEXT,
    trouble_wall BIGINT,
    trouble_boot TEXT,
    trouble_elapsed BIGINT,
    trouble_failures BIGINT,
    trouble_pause BIGINT,
    grant_number BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    obtained_wall BIGINT,
    obtained_boot TEXT,
    obtained_elapsed BIGINT,
    access_lifetime BIGINT,
    refresh_right BOOLEAN,
    refresh_lifetime BIGINT,
    scopes TEXT,
    subject_id TEXT,
    subject_account TEXT,
    subject_name TEXT,
    subject_email TEXT,
    -- Why the subject is not known, where it is not.
    subject_unknown TEXT,
    organisation_id TEXT,
    organisation_name TEXT,
    created_at BIGINT NOT NULL,
    last_rotated_at BIGINT,
    labels TEXT NOT NULL,
    wrapped_key BLOB,
    access_token BLOB,
    refresh_token BLOB,
    spare_token BLOB,
    intent_phase TEXT,
    intent_generation BIGINT,
    intent_spend TEXT,
    intent_attempt BIGINT,
    intent_host TEXT,
    intent_boot TEXT,
    intent_pid BIGINT,
    intent_started BIGINT,
    intent_deadline_boot TEXT,
    intent_deadline_elapsed BIGINT,
    intent_deadline_wall BIGINT
);

CREATE INDEX credentials_of_app ON credentials (app);

CREATE TABLE leases (
    name TEXT NOT NULL PRIMARY KEY,
    host TEXT NOT NULL,
    boot TEXT NOT NULL,
    pid BIGINT NOT NULL,
    started BIGINT NOT NULL,
    length BIGINT NOT NULL,
    until_boot TEXT NOT NULL,
    until_elapsed BIGINT NOT NULL
);

-- Tokens that wait to be revoked. They outlive their credential, and hold all that a revocation needs.
CREATE TABLE revocations (
    id TEXT NOT NULL PRIMARY KEY,
    credential_id TEXT NOT NULL,
    credential_name TEXT NOT NULL,
    environment TEXT NOT NULL,
    app TEXT,
    kind TEXT NOT NULL,
    queued_at BIGINT NOT NULL,
    give_up_at BIGINT NOT NULL,
    wrapped_key BLOB NOT NULL,
    token BLOB NOT NULL
);

CREATE INDEX revocations_of_app ON revocations (app);

-- One chain of records per writer; each record's mac covers the one before it.
CREATE TABLE audit (
    writer TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    at BIGINT NOT NULL,
    action TEXT NOT NULL,
    credential_id TEXT,
    credential_name TEXT,
    actor TEXT NOT NULL,
    detail TEXT NOT NULL,
    mac BLOB NOT NULL,
    PRIMARY KEY (writer, sequence)
);

CREATE INDEX audit_by_time ON audit (at);
