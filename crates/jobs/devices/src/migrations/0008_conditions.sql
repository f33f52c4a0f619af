-- The conditions of rules that the device meets, by the name of the rule: as JSON.
ALTER TABLE devices_seen ADD COLUMN conditions TEXT;
