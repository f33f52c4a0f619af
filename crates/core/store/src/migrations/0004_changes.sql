-- What was changed last, so that a broker learns of it without reading everything again: one row for each thing, under the number
-- of its latest change. The number is counted up within the transaction that changes, so that none becomes visible out of order.
ALTER TABLE home ADD COLUMN changed BIGINT NOT NULL DEFAULT 0;

CREATE TABLE changes (
    subject TEXT NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL
);

CREATE INDEX changes_by_number ON changes (number);
