-- Alerts: what people were told of, and whether it has ended.
CREATE TABLE devices_alerts (
    number BIGINT NOT NULL PRIMARY KEY,
    watch TEXT NOT NULL,
    rule TEXT NOT NULL,
    -- When the cause began, when people were told, and when it ended.
    since BIGINT NOT NULL,
    raised BIGINT NOT NULL,
    ended BIGINT,
    -- Names and counts, as people were told: as JSON.
    facts TEXT NOT NULL,
    -- Who acknowledged it, when, and the note.
    acked BIGINT,
    acked_by TEXT,
    note TEXT
);

CREATE INDEX devices_alerts_by_watch ON devices_alerts (watch, ended);

-- Watches and devices (an empty device is the whole watch) of which no new alerts are raised for a while.
CREATE TABLE devices_silences (
    watch TEXT NOT NULL,
    device TEXT NOT NULL,
    until BIGINT NOT NULL,
    silenced_by TEXT NOT NULL,
    note TEXT,
    PRIMARY KEY (watch, device)
);

-- The number of the last alert.
CREATE TABLE devices_counters (
    name TEXT NOT NULL PRIMARY KEY,
    last BIGINT NOT NULL
);

-- The open alert that a device belongs to.
ALTER TABLE devices_seen ADD COLUMN alert BIGINT;
-- When its readings differed from the ones before: as JSON, in milliseconds.
ALTER TABLE devices_seen ADD COLUMN flips TEXT NOT NULL DEFAULT '[]';
