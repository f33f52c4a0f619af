-- A seal over what a row is: one that was written past Lanyard has none that holds.
ALTER TABLE home ADD COLUMN seal BLOB;
ALTER TABLE apps ADD COLUMN seal BLOB;
ALTER TABLE credentials ADD COLUMN seal BLOB;
