-- The watches: each ties a credential to the devices that it sees.
CREATE TABLE devices_watches (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    -- Counted up with every change; the version of the document.
    version BIGINT NOT NULL,
    -- Sealed: the credential, the organisation, what is watched, and the name.
    document BLOB NOT NULL
);

-- How the last reading of each watch went.
CREATE TABLE devices_readings (
    watch TEXT NOT NULL PRIMARY KEY,
    -- When the devices were read last.
    read_at BIGINT,
    -- Since when they cannot be read, and the reason.
    blind_since BIGINT,
    reason TEXT,
    -- How many devices Webex listed, and how many of them the watch leaves out.
    listed BIGINT NOT NULL,
    left_out BIGINT NOT NULL
);

-- The devices as they were read last. A row is written only when something changes.
CREATE TABLE devices_seen (
    watch TEXT NOT NULL,
    device TEXT NOT NULL,
    state TEXT NOT NULL,
    since BIGINT NOT NULL,
    -- A state that was read, but not often enough to count.
    candidate TEXT,
    candidate_since BIGINT,
    samples BIGINT NOT NULL,
    -- Since when Webex no longer lists it.
    gone_since BIGINT,
    -- Names, serial number, addresses, software: as JSON.
    facts TEXT NOT NULL,
    PRIMARY KEY (watch, device)
);

-- Which state a device had, and when. The last period of a device has no end.
CREATE TABLE devices_periods (
    watch TEXT NOT NULL,
    device TEXT NOT NULL,
    began BIGINT NOT NULL,
    ended BIGINT,
    state TEXT NOT NULL,
    cause TEXT,
    PRIMARY KEY (watch, device, began)
);
