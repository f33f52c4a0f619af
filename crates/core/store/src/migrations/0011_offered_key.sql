-- The next key is offered first: nothing is wrapped under it before every running broker has it.
ALTER TABLE home ADD COLUMN offered_key_id TEXT;
ALTER TABLE home ADD COLUMN offered_key_source TEXT;
ALTER TABLE home ADD COLUMN offered_key_since BIGINT;

-- The brokers that run, of all homes of the store. Empty in a file: that has one home, and one place for its key.
CREATE TABLE brokers (
    id TEXT NOT NULL PRIMARY KEY,
    host TEXT NOT NULL,
    home TEXT NOT NULL,
    version TEXT NOT NULL,
    -- The ids of the home keys that it has, separated by commas.
    keys TEXT NOT NULL,
    -- Over all of the above, so that nobody else names a place that a person is told to bring a key to.
    seal BLOB NOT NULL,
    -- When it was last heard of, by the server's clock.
    seen BIGINT NOT NULL
);
