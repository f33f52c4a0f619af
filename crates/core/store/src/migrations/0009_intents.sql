-- What is under way for a credential, and by which process.
CREATE TABLE intents (
    credential TEXT NOT NULL PRIMARY KEY,
    -- The process: its number (the name of its file in the home's directory `presence`), the boot session of its kernel, and, for people,
    -- its process id.
    writer TEXT NOT NULL,
    kernel TEXT NOT NULL,
    pid BIGINT NOT NULL,
    -- By the wall clock: it sends nothing afterwards.
    deadline BIGINT NOT NULL,
    -- Whether the process has the credential to itself without sending a refresh token.
    held BOOLEAN NOT NULL,
    -- The refresh token that may have been spent. All four are NULL where none may.
    phase TEXT,
    generation BIGINT,
    spend TEXT,
    attempt BIGINT,
    -- Whether an earlier process that sent the same token was only presumed gone.
    presumed BOOLEAN NOT NULL
);

-- Nothing is known of the processes that an earlier version named. A lease without an intent protected nothing.
INSERT INTO intents (credential, writer, kernel, pid, deadline, held, phase, generation, spend, attempt, presumed)
SELECT id, '', '', intent_pid, intent_deadline_wall, FALSE, intent_phase, intent_generation, intent_spend, intent_attempt, FALSE
FROM credentials
WHERE intent_phase IS NOT NULL;

DROP TABLE leases;

ALTER TABLE credentials DROP COLUMN intent_phase;
ALTER TABLE credentials DROP COLUMN intent_generation;
ALTER TABLE credentials DROP COLUMN intent_spend;
ALTER TABLE credentials DROP COLUMN intent_attempt;
ALTER TABLE credentials DROP COLUMN intent_host;
ALTER TABLE credentials DROP COLUMN intent_boot;
ALTER TABLE credentials DROP COLUMN intent_pid;
ALTER TABLE credentials DROP COLUMN intent_started;
ALTER TABLE credentials DROP COLUMN intent_deadline_boot;
ALTER TABLE credentials DROP COLUMN intent_deadline_elapsed;
ALTER TABLE credentials DROP COLUMN intent_deadline_wall;
