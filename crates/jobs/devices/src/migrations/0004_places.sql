-- The workspaces of the organisation of a watch, as its comparing credential reads them.
CREATE TABLE devices_places (
    watch TEXT NOT NULL,
    workspace TEXT NOT NULL,
    -- Names, seats and Webex's issues: as JSON.
    facts TEXT NOT NULL,
    PRIMARY KEY (watch, workspace)
);

-- How the last reading of the workspaces of each watch went.
CREATE TABLE devices_place_readings (
    watch TEXT NOT NULL PRIMARY KEY,
    -- When they were all read last.
    read_at BIGINT,
    -- When the last reading ended, and why it was not complete.
    tried_at BIGINT NOT NULL,
    reason TEXT
);
