-- The home's key can be replaced while it is in use, and a home can be told to keep still.

-- Names the home outside of it: in a keyring that holds the keys of several.
ALTER TABLE home ADD COLUMN home_id TEXT;
-- While one key replaces another: whatever is wrapped from now on is wrapped under this one.
ALTER TABLE home ADD COLUMN next_key_id TEXT;
ALTER TABLE home ADD COLUMN next_key_source TEXT;
ALTER TABLE home ADD COLUMN next_key_since BIGINT;
-- Replaced, and still to be removed from where it was kept. Nothing is wrapped under it.
ALTER TABLE home ADD COLUMN retired_key_id TEXT;
ALTER TABLE home ADD COLUMN retired_key_source TEXT;
-- Set where nothing may be handed out or renewed: in a copy, until somebody says that the original is off.
ALTER TABLE home ADD COLUMN paused_reason TEXT;
ALTER TABLE home ADD COLUMN paused_since BIGINT;
