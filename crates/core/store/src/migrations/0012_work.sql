-- Recurring units of work, and runs: work that a caller started and that outlives its request.
CREATE TABLE work (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    -- Tells the units of a kind apart; a run has its id here.
    key TEXT NOT NULL,
    -- When it is to be done, by the clock of the database; NULL once it has ended.
    due BIGINT,
    -- Counted up with every change of hands and of state; the version of the document.
    fence BIGINT NOT NULL,
    -- The process that works on it, and when it is no longer waited for.
    holder TEXT,
    deadline BIGINT,
    -- Sealed: everything else, the kind and the key included.
    document BLOB NOT NULL,
    -- When it ended; its row is removed later.
    ended BIGINT,
    UNIQUE (kind, key)
);

CREATE INDEX work_by_due ON work (due);

-- The events that people are told of.
CREATE INDEX journal_by_kind ON journal (kind, number);

-- How long Webex said to wait before the next renewal.
CREATE TABLE pauses (
    environment TEXT NOT NULL,
    app TEXT NOT NULL,
    subject TEXT NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (environment, app, subject)
);

-- Where events are delivered to.
CREATE TABLE channels (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    -- Counted up with every change; the version of the document.
    version BIGINT NOT NULL,
    -- Sealed: the target with its secrets, the rules, and the name.
    document BLOB NOT NULL
);

-- What people were told last, so that they are told once.
CREATE TABLE alerts (
    -- As in the journal.
    about TEXT NOT NULL,
    topic TEXT NOT NULL,
    state TEXT NOT NULL,
    -- The smallest warning time that was announced, in seconds.
    mark BIGINT,
    since BIGINT NOT NULL,
    PRIMARY KEY (about, topic)
);
