-- The tables of kumotrail. For whoever queries them by hand:
--
--   Times are INTEGER microseconds of the Unix epoch, UTC:
--     SELECT datetime(occurred_at / 1000000, 'unixepoch') FROM email_event;
--   Ids and keys are BLOBs of 16 bytes: hex(id), x'0198...'. Their first 6 bytes
--   are a time in milliseconds, big-endian, 0 for none, so that they order by
--   time.
--   NULL means not known.

-- What became of one message for one recipient: all that its events say,
-- joined so that no order of arrival matters.
CREATE TABLE email_log (
    key            BLOB NOT NULL PRIMARY KEY, -- time of acceptance, hash of message_id, hash of recipient
    message_id     TEXT NOT NULL,             -- lower case, without dashes
    recipient      TEXT NOT NULL,             -- domain in lower case
    sender         TEXT,                      -- envelope sender
    tenant         TEXT,
    campaign       TEXT,
    application_id TEXT,                      -- id that the sending program gave the message
    provider       TEXT,
    egress_source  TEXT,
    size           INTEGER,                   -- bytes
    attempts       INTEGER NOT NULL,          -- to deliver, made so far
    accepted_at    INTEGER,
    delivered_at   INTEGER,                   -- first
    failed_at      INTEGER,                   -- first
    complained_at  INTEGER,                   -- first
    -- The event that decides the status, and its response.
    status         TEXT NOT NULL,             -- pending, deferred, transferred, expired, bounced, delivered, complained
    decided_at     INTEGER,                   -- time of that event
    code           INTEGER,                   -- SMTP reply code
    enhanced_code  TEXT,                      -- as in 5.1.1
    response       TEXT,
    decision       BLOB NOT NULL,             -- rank of the status (1 byte), time (8), event id (16): the greatest decides
    event_id       BLOB GENERATED ALWAYS AS (substr(decision, 10)) VIRTUAL,
    received_at    INTEGER                    -- where key has no time: when we first heard of it, by our clock
) STRICT, WITHOUT ROWID;

-- One log record for one of its recipients.
CREATE TABLE email_event (
    id            BLOB NOT NULL PRIMARY KEY, -- UUID v7 derived from the record
    message_key   BLOB,                      -- as email_log.key; for OOB and feedback that of the report itself
    type          TEXT NOT NULL,             -- reception, delivery, transient_failure ...
    record_type   TEXT,                      -- the type as the record spells it, where type is unknown
    part          INTEGER NOT NULL,          -- which of the record's recipients, from 0
    message_id    TEXT,                      -- for OOB and feedback that of the report
    recipient     TEXT,
    sender        TEXT,                      -- envelope sender
    occurred_at   INTEGER,                   -- the record's own time
    received_at   INTEGER,                   -- by our clock
    node_id       TEXT,
    code          INTEGER,                   -- SMTP reply code
    enhanced_code TEXT,                      -- as in 5.1.1
    response      TEXT,
    attempts      INTEGER NOT NULL,          -- made before this event
    tenant        TEXT,
    campaign      TEXT,
    egress_source TEXT,
    chunk_id      BLOB NOT NULL,             -- where the raw record is: record_chunk.id
    chunk_pos     INTEGER NOT NULL           -- and which one in there, from 0
) STRICT, WITHOUT ROWID;

CREATE INDEX email_event_message ON email_event (message_key) WHERE message_key IS NOT NULL;

-- Raw records of the new events of one commit and one day (of event ids).
CREATE TABLE record_chunk (
    id      BLOB NOT NULL PRIMARY KEY, -- the day's first millisecond (6 bytes), that of the commit (6), random (4)
    records BLOB NOT NULL              -- zstd of the records, each behind its length as a uvarint
) STRICT;

-- Received bytes that could not be taken as a record. The same bytes are kept
-- once, with the reason and the time of the first.
CREATE TABLE quarantine (
    id          BLOB NOT NULL PRIMARY KEY, -- hash of the bytes
    reason      TEXT NOT NULL,
    raw         BLOB NOT NULL,             -- zstd
    size        INTEGER NOT NULL,          -- bytes before zstd
    received_at INTEGER NOT NULL           -- by our clock
) STRICT;

CREATE INDEX quarantine_received ON quarantine (received_at, id);

-- What is stored and not yet announced, one row a commit.
CREATE TABLE outbox (
    id         INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice
    events     BLOB NOT NULL,                     -- email_event.id of the new events, 16 bytes each, in order
    held_until INTEGER NOT NULL                   -- someone is publishing it until then; 0: nobody
) STRICT;
