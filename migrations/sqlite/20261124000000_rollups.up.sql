-- Figures are read from roll-ups, sums of what is alike, instead of from all
-- rows. They are exact at every moment: what changes is noted in tally_delta, and
-- who reads adds what the roll-ups do not have yet.

-- What changed and the roll-ups do not have yet.
CREATE TABLE tally_delta (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    of_messages   INTEGER NOT NULL, -- 0: of events
    n             INTEGER NOT NULL, -- how many more: -1 for what no longer is so
    at            INTEGER NOT NULL, -- of events when they occurred, of messages when they were accepted
    provider      TEXT,
    recipient     TEXT,             -- of which the domain counts
    tenant        TEXT,
    campaign      TEXT,
    egress_source TEXT,
    cause         TEXT,
    kind          TEXT NOT NULL,    -- type or status
    attempts      INTEGER NOT NULL, -- of messages, to deliver
    delivered_at  INTEGER           -- of messages, first
) STRICT;

-- Sums over events, by when they occurred.
CREATE TABLE event_rollup (
    facet  INTEGER NOT NULL, -- what it tells apart, the sum of: 1 provider, 2 domain, 4 tenant, 8 campaign, 16 egress source, 32 cause
    width  INTEGER NOT NULL, -- of the bucket, in minutes
    bucket INTEGER NOT NULL, -- its start, in minutes since 1970
    a      TEXT NOT NULL,    -- the first of what is told apart, in the order above; '' for not known, or nothing
    b      TEXT NOT NULL,    -- the second
    sums   BLOB NOT NULL,    -- packed by the service
    PRIMARY KEY (facet, width, bucket, a, b)
) STRICT, WITHOUT ROWID;

-- The same over messages that email_log confirms, by when they were accepted.
CREATE TABLE message_rollup (
    facet  INTEGER NOT NULL,
    width  INTEGER NOT NULL,
    bucket INTEGER NOT NULL,
    a      TEXT NOT NULL,
    b      TEXT NOT NULL,
    sums   BLOB NOT NULL,
    PRIMARY KEY (facet, width, bucket, a, b)
) STRICT, WITHOUT ROWID;

-- Out-of-band bounces have ids of another time than their own.
CREATE INDEX email_event_oob ON email_event (occurred_at) WHERE type = 'oob';

-- What was there before.
INSERT INTO tally_delta (of_messages, n, at, provider, recipient, tenant, campaign, egress_source, cause, kind, attempts, delivered_at)
SELECT 0, 1, occurred_at, provider, recipient, tenant, campaign, egress_source, cause, type, 0, NULL
FROM email_event WHERE occurred_at IS NOT NULL;

INSERT INTO tally_delta (of_messages, n, at, provider, recipient, tenant, campaign, egress_source, cause, kind, attempts, delivered_at)
SELECT 1, 1, accepted_at, provider, recipient, tenant, campaign, egress_source, cause, status, attempts, delivered_at
FROM email_log WHERE confirmed AND NOT of_report AND accepted_at IS NOT NULL;

CREATE TRIGGER tally_added_event AFTER INSERT ON email_event WHEN new.occurred_at IS NOT NULL
BEGIN
    INSERT INTO tally_delta (of_messages, n, at, provider, recipient, tenant, campaign, egress_source, cause, kind, attempts, delivered_at)
    VALUES (0, 1, new.occurred_at, new.provider, new.recipient, new.tenant, new.campaign, new.egress_source, new.cause, new.type, 0, NULL);
END;

CREATE TRIGGER tally_added_log AFTER INSERT ON email_log
WHEN new.confirmed AND NOT new.of_report AND new.accepted_at IS NOT NULL
BEGIN
    INSERT INTO tally_delta (of_messages, n, at, provider, recipient, tenant, campaign, egress_source, cause, kind, attempts, delivered_at)
    VALUES (1, 1, new.accepted_at, new.provider, new.recipient, new.tenant, new.campaign, new.egress_source, new.cause, new.status, new.attempts, new.delivered_at);
END;

CREATE TRIGGER tally_changed_log AFTER UPDATE ON email_log
WHEN old.status IS NOT new.status OR old.attempts IS NOT new.attempts OR old.delivered_at IS NOT new.delivered_at
    OR old.accepted_at IS NOT new.accepted_at OR old.confirmed IS NOT new.confirmed OR old.of_report IS NOT new.of_report
    OR old.provider IS NOT new.provider OR old.tenant IS NOT new.tenant OR old.campaign IS NOT new.campaign
    OR old.egress_source IS NOT new.egress_source OR old.cause IS NOT new.cause
BEGIN
    INSERT INTO tally_delta (of_messages, n, at, provider, recipient, tenant, campaign, egress_source, cause, kind, attempts, delivered_at)
    SELECT 1, -1, old.accepted_at, old.provider, old.recipient, old.tenant, old.campaign, old.egress_source, old.cause, old.status, old.attempts, old.delivered_at
    WHERE old.confirmed AND NOT old.of_report AND old.accepted_at IS NOT NULL
    UNION ALL
    SELECT 1, 1, new.accepted_at, new.provider, new.recipient, new.tenant, new.campaign, new.egress_source, new.cause, new.status, new.attempts, new.delivered_at
    WHERE new.confirmed AND NOT new.of_report AND new.accepted_at IS NOT NULL;
END;
