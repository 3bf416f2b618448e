-- The tables of kumotrail, all in the one schema that PG_SCHEMA names. For
-- whoever queries them by hand:
--
--   Ids and keys are uuids that begin with a time in milliseconds, big-endian,
--   0 for none, so that they order by time.
--   email_event, record_chunk and email_log are partitioned by that time: one
--   partition a UTC day, and one, named undated, for time 0. The service makes
--   days ahead and when something comes for one, and drops them when their time
--   is over. There is no default partition: days could not be attached beside
--   its rows, nor detached while others write.
--   NULL means not known.

-- What became of one message for one recipient: all that its events say,
-- joined so that no order of arrival matters.
CREATE TABLE email_log (
    key            uuid NOT NULL PRIMARY KEY, -- time of acceptance, hash of message_id, hash of recipient
    accepted_at    timestamptz,
    delivered_at   timestamptz,               -- first
    failed_at      timestamptz,               -- first
    complained_at  timestamptz,               -- first
    decided_at     timestamptz,               -- time of the event that decides the status
    received_at    timestamptz,               -- where key has no time: when we first heard of it, by our clock
    size           bigint,                    -- bytes
    attempts       integer NOT NULL,          -- to deliver, made so far
    code           integer,                   -- SMTP reply code of the event that decides
    message_id     text COLLATE "C" NOT NULL, -- lower case, without dashes
    recipient      text COLLATE "C" NOT NULL, -- domain in lower case
    sender         text COLLATE "C",          -- envelope sender
    tenant         text COLLATE "C",
    campaign       text COLLATE "C",
    application_id text COLLATE "C",          -- id that the sending program gave the message
    provider       text COLLATE "C",
    egress_source  text COLLATE "C",
    status         text COLLATE "C" NOT NULL, -- pending, deferred, transferred, expired, bounced, delivered, complained
    enhanced_code  text COLLATE "C",          -- of the event that decides, as in 5.1.1
    response       text COLLATE "C",          -- of that event
    decision       bytea NOT NULL             -- rank of the status (1 byte), time (8), event id (16): the greatest decides
) PARTITION BY RANGE (key);

-- Room for later words on a message beside its row: an update that changes no
-- indexed column then touches no index. So none of those columns may have one.
-- Nearly every message has a second word: with room for all of them it costs
-- 11.6 us of the server's CPU a record, with room for a quarter 13.6.
CREATE TABLE email_log_undated PARTITION OF email_log
    FOR VALUES FROM (MINVALUE) TO ('00000000-0001-0000-0000-000000000000') WITH (fillfactor = 50);

-- A row of email_log on its way in.
CREATE TYPE email_log_row AS (
    key uuid, accepted_at timestamptz, delivered_at timestamptz, failed_at timestamptz,
    complained_at timestamptz, decided_at timestamptz, received_at timestamptz,
    size bigint, attempts integer, code integer, message_id text, recipient text,
    sender text, tenant text, campaign text, application_id text, provider text,
    egress_source text, status text, enhanced_code text, response text, decision bytea
);

-- One log record for one of its recipients.
CREATE TABLE email_event (
    id            uuid NOT NULL PRIMARY KEY, -- version 7, derived from the record
    message_key   uuid,                      -- as email_log.key; for OOB and feedback that of the report itself
    chunk_id      uuid NOT NULL,             -- where the raw record is: record_chunk.id
    occurred_at   timestamptz,               -- the record's own time
    received_at   timestamptz,               -- by our clock
    chunk_pos     integer NOT NULL,          -- which one in the chunk, from 0
    part          integer NOT NULL,          -- which of the record's recipients, from 0
    attempts      integer NOT NULL,          -- made before this event
    code          integer,                   -- SMTP reply code
    type          text COLLATE "C" NOT NULL, -- reception, delivery, transient_failure ...
    record_type   text COLLATE "C",          -- the type as the record spells it, where type is unknown
    message_id    text COLLATE "C",          -- for OOB and feedback that of the report
    recipient     text COLLATE "C",
    sender        text COLLATE "C",          -- envelope sender
    node_id       text COLLATE "C",
    enhanced_code text COLLATE "C",          -- as in 5.1.1
    response      text COLLATE "C",
    tenant        text COLLATE "C",
    campaign      text COLLATE "C",
    egress_source text COLLATE "C"
) PARTITION BY RANGE (id);

CREATE INDEX email_event_message ON email_event (message_key) WHERE message_key IS NOT NULL;

CREATE TABLE email_event_undated PARTITION OF email_event
    FOR VALUES FROM (MINVALUE) TO ('00000000-0001-0000-0000-000000000000');

-- Raw records of the new events of one commit and one day (of event ids).
CREATE TABLE record_chunk (
    id      uuid NOT NULL PRIMARY KEY, -- the day's first millisecond (6 bytes), that of the commit (6), random (4)
    records bytea NOT NULL             -- zstd of the records, each behind its length as a uvarint
) PARTITION BY RANGE (id);

-- It is compressed already.
ALTER TABLE record_chunk ALTER COLUMN records SET STORAGE EXTERNAL;

CREATE TABLE record_chunk_undated PARTITION OF record_chunk
    FOR VALUES FROM (MINVALUE) TO ('00000000-0001-0000-0000-000000000000');

-- Received bytes that could not be taken as a record. The same bytes are kept
-- once, with the reason and the time of the first.
CREATE TABLE quarantine (
    id          uuid NOT NULL PRIMARY KEY, -- hash of the bytes
    received_at timestamptz NOT NULL,      -- by our clock
    size        integer NOT NULL,          -- bytes before zstd
    reason      text COLLATE "C" NOT NULL,
    raw         bytea NOT NULL             -- zstd
);

ALTER TABLE quarantine ALTER COLUMN raw SET STORAGE EXTERNAL;

CREATE INDEX quarantine_received ON quarantine (received_at, id);

-- A row of quarantine on its way in.
CREATE TYPE quarantine_row AS (id uuid, received_at timestamptz, size integer, reason text, raw bytea);

-- What is stored and not yet announced, one row a commit. Rows of 500 events
-- just fit a page, which spares them the detour of long values.
CREATE TABLE outbox (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- never used twice
    held_until timestamptz NOT NULL,                            -- someone is publishing it until then
    events     bytea NOT NULL                                   -- email_event.id of the new events, 16 bytes each, in order
) WITH (toast_tuple_target = 8160);

ALTER TABLE outbox ALTER COLUMN events SET STORAGE EXTERNAL;
