-- Programs and users of this machine that may ask a broker, and what for.
CREATE TABLE clients (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    -- Separated by commas, as the methods are.
    capabilities TEXT NOT NULL,
    -- Whether it may use every credential; else it may use those that stand in client_credentials.
    all_credentials BOOLEAN NOT NULL,
    -- NULL for any.
    methods TEXT,
    -- Patterns, separated by line feeds, which none holds; NULL for any path.
    paths TEXT,
    organisation TEXT,
    expires_at BIGINT,
    created_at BIGINT NOT NULL,
    -- The user that it is; such a client has no key, and any other has.
    uid BIGINT UNIQUE,
    key_hash BLOB,
    CHECK ((uid IS NULL) <> (key_hash IS NULL))
);

CREATE TABLE client_credentials (
    client TEXT NOT NULL REFERENCES clients (id),
    credential TEXT NOT NULL REFERENCES credentials (id),
    PRIMARY KEY (client, credential)
);

CREATE INDEX client_credentials_of_credential ON client_credentials (credential);

-- What one client was handed.
CREATE INDEX audit_by_actor ON audit (actor, at);
