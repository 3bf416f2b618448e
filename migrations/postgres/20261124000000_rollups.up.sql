-- Figures are read from roll-ups, sums of what is alike, instead of from all
-- rows. They are exact at every moment: a commit notes what it changes in
-- tally_delta, and who reads adds what the roll-ups do not have yet.

-- Events of one type, or messages of one status, that figures do not tell apart.
CREATE TYPE tally AS (
    n             bigint,      -- below 0 for what no longer is so
    at            timestamptz, -- of events when they occurred, of messages when they were accepted
    provider      text,
    recipient     text,        -- of which the domain counts
    tenant        text,
    campaign      text,
    egress_source text,
    cause         text,
    kind          text,        -- type or status
    attempts      integer,     -- of messages, to deliver
    delivered_at  timestamptz  -- of messages, first
);

-- What commits changed and the roll-ups do not have yet.
CREATE TABLE tally_delta (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    events bytea,   -- tallies of new events, packed by the service
    before tally[], -- the same of events that were there before these tables
    logs   tally[]  -- of messages
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- It is read once: to compress it costs more than it spares.
ALTER TABLE tally_delta ALTER COLUMN events SET STORAGE EXTERNAL;
ALTER TABLE tally_delta ALTER COLUMN before SET STORAGE EXTERNAL;
ALTER TABLE tally_delta ALTER COLUMN logs SET STORAGE EXTERNAL;

-- Sums over events, by when they occurred.
CREATE TABLE event_rollup (
    facet  smallint NOT NULL,         -- what it tells apart, the sum of: 1 provider, 2 domain, 4 tenant, 8 campaign, 16 egress source, 32 cause
    width  smallint NOT NULL,         -- of the bucket, in minutes
    bucket bigint NOT NULL,           -- its start, in minutes since 1970
    a      text COLLATE "C" NOT NULL, -- the first of what is told apart, in the order above; '' for not known, or nothing
    b      text COLLATE "C" NOT NULL, -- the second
    sums   bytea NOT NULL,            -- packed by the service
    PRIMARY KEY (facet, width, bucket, a, b)
) WITH (fillfactor = 70);

-- The same over messages that email_log confirms, by when they were accepted.
CREATE TABLE message_rollup (
    facet  smallint NOT NULL,
    width  smallint NOT NULL,
    bucket bigint NOT NULL,
    a      text COLLATE "C" NOT NULL,
    b      text COLLATE "C" NOT NULL,
    sums   bytea NOT NULL,
    PRIMARY KEY (facet, width, bucket, a, b)
) WITH (fillfactor = 70);

-- Out-of-band bounces have ids of another time than their own.
CREATE INDEX email_event_oob ON email_event (occurred_at) WHERE type = 'oob';

-- What was there before.
INSERT INTO tally_delta (logs)
SELECT array_agg(ROW(1, accepted_at, provider, recipient, tenant, campaign, egress_source, cause, status, attempts, delivered_at)::tally)
FROM (SELECT *, row_number() OVER (ORDER BY key) AS place FROM email_log
    WHERE confirmed AND NOT of_report AND accepted_at IS NOT NULL) l
GROUP BY place / 1000
ORDER BY place / 1000;

INSERT INTO tally_delta (before)
SELECT array_agg(ROW(1, occurred_at, provider, recipient, tenant, campaign, egress_source, cause, type, 0, NULL)::tally)
FROM (SELECT *, row_number() OVER (ORDER BY id) AS place FROM email_event WHERE occurred_at IS NOT NULL) e
GROUP BY place / 1000
ORDER BY place / 1000;

-- Which rows a statement changed, and what they were, is known to nobody but a
-- trigger of the statement. It fires for the partitioned table, not for its days:
-- logs must be written through that. A day that is dropped is no deletion.
CREATE FUNCTION tally_added_logs() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO tally_delta (logs)
    SELECT list FROM (
        SELECT array_agg(ROW(1, accepted_at, provider, recipient, tenant, campaign, egress_source, cause, status, attempts, delivered_at)::tally) AS list
        FROM added WHERE confirmed AND NOT of_report AND accepted_at IS NOT NULL) t
    WHERE list IS NOT NULL;
    RETURN NULL;
END $$;

CREATE FUNCTION tally_changed_logs() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO tally_delta (logs)
    SELECT list FROM (
        SELECT array_agg(ROW(n, accepted_at, provider, recipient, tenant, campaign, egress_source, cause, status, attempts, delivered_at)::tally) AS list
        FROM (SELECT -1 AS n, * FROM was UNION ALL SELECT 1, * FROM now_is) c
        WHERE confirmed AND NOT of_report AND accepted_at IS NOT NULL) t
    WHERE list IS NOT NULL;
    RETURN NULL;
END $$;

CREATE TRIGGER tally_added AFTER INSERT ON email_log
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION tally_added_logs();
CREATE TRIGGER tally_changed AFTER UPDATE ON email_log
    REFERENCING OLD TABLE AS was NEW TABLE AS now_is FOR EACH STATEMENT EXECUTE FUNCTION tally_changed_logs();
