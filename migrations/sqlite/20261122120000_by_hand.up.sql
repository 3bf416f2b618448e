-- What others than the MTA say.

-- Addresses that must not be mailed. One stays as it is until it is taken out.
CREATE TABLE suppression (
    address  TEXT NOT NULL PRIMARY KEY, -- in lower case, its local part too
    domain   TEXT NOT NULL,             -- of the address
    reason   TEXT NOT NULL,             -- manual, hard_bounce, complaint, unsubscribe, invalid
    note     TEXT,
    event_id BLOB,                      -- email_event.id that gave rise to it
    added_at INTEGER NOT NULL           -- by our clock
) STRICT, WITHOUT ROWID;

CREATE INDEX suppression_domain ON suppression (domain, address);
CREATE INDEX suppression_reason ON suppression (reason, address);

-- Messages that applications announced before or at their injection, a row for
-- each recipient. The first word on one stays.
CREATE TABLE registration (
    id             BLOB NOT NULL PRIMARY KEY, -- hash of application_id (8 bytes), hash of recipient (8)
    application_id TEXT NOT NULL,             -- as email_log.application_id
    recipient      TEXT NOT NULL,             -- domain in lower case
    sender         TEXT,                      -- envelope sender
    subject        TEXT,
    tenant         TEXT,
    campaign       TEXT,
    size           INTEGER,                   -- bytes
    meta           TEXT,                      -- a JSON object
    registered_at  INTEGER NOT NULL           -- by our clock
) STRICT;

CREATE INDEX registration_registered ON registration (registered_at);
