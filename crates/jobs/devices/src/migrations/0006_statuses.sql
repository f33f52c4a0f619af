-- What each device answered last when it was asked for its xAPI statuses.
CREATE TABLE devices_statuses (
    watch TEXT NOT NULL,
    device TEXT NOT NULL,
    -- When it was asked last, and when it answered last.
    tried_at BIGINT NOT NULL,
    read_at BIGINT,
    -- That answer: as JSON.
    statuses TEXT,
    -- Why it did not answer since.
    reason TEXT,
    -- When its statuses were asked for one by one, to find those that Webex refuses.
    probed_at BIGINT,
    PRIMARY KEY (watch, device)
);

-- The names of statuses that Webex refuses for a product with a version of the software.
CREATE TABLE devices_unsupported (
    product TEXT NOT NULL,
    software TEXT NOT NULL,
    name TEXT NOT NULL,
    learned_at BIGINT NOT NULL,
    PRIMARY KEY (product, software, name)
);

-- How many calls may be made as each account, in thousandths of a call.
CREATE TABLE devices_budgets (
    subject TEXT NOT NULL PRIMARY KEY,
    -- Counted up with every change.
    revision BIGINT NOT NULL,
    -- The calls that may be made, and as of when.
    calls BIGINT NOT NULL,
    at BIGINT NOT NULL,
    -- The calls a minute after Webex limited them last, and when that was.
    lowered BIGINT,
    lowered_at BIGINT,
    -- Until when Webex asked not to call.
    paused_until BIGINT
);
