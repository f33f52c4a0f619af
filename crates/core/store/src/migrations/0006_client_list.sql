-- The clients that count: those that the list names, each with the mac of its row and its grants.
CREATE TABLE client_list (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    -- Rises with every change.
    version BIGINT NOT NULL,
    -- A line for each client: its id and the mac.
    members TEXT NOT NULL,
    -- Over the version and the members.
    mac BLOB NOT NULL
);

-- When something was last done with a credential.
CREATE INDEX audit_by_credential ON audit (credential_id, action, at);
