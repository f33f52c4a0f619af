-- Counted up with every change of the devices of a watch.
ALTER TABLE devices_readings ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;
