-- Whether the device waits until a person approves it: 1 or 0.
ALTER TABLE devices_seen ADD COLUMN waiting BIGINT NOT NULL DEFAULT 0;
