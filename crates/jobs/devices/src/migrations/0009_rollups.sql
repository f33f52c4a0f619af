-- The numbers that each device reported in the hours of a day.
CREATE TABLE devices_hourly (
    watch TEXT NOT NULL,
    device TEXT NOT NULL,
    -- In days since 1970, in UTC.
    day BIGINT NOT NULL,
    -- For each number the hours in which it was reported, with the count, the lowest, the highest and the total: as JSON.
    numbers TEXT NOT NULL,
    -- Whether devices_daily has these readings.
    rolled BIGINT NOT NULL,
    PRIMARY KEY (watch, device, day)
);

CREATE INDEX devices_hourly_ended ON devices_hourly (watch, day) WHERE rolled = 0;

-- The numbers that each device reported on the days of a month.
CREATE TABLE devices_daily (
    watch TEXT NOT NULL,
    device TEXT NOT NULL,
    -- In months since the year 0.
    month BIGINT NOT NULL,
    -- Like the hours.
    numbers TEXT NOT NULL,
    PRIMARY KEY (watch, device, month)
);
