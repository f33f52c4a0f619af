-- The versions of the tables of Lanyard's other parts.
CREATE TABLE migrations (
    owner TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL
);
