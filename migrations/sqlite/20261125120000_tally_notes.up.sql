-- When a note was made, by the store's clock: who watches wants to know how far the
-- roll-ups are behind. Of what was noted before nobody knows.
ALTER TABLE tally_delta ADD COLUMN noted_at INTEGER;

DROP TRIGGER tally_added_event;
DROP TRIGGER tally_added_log;
DROP TRIGGER tally_changed_log;

CREATE TRIGGER tally_added_event AFTER INSERT ON email_event WHEN new.occurred_at IS NOT NULL
BEGIN
    INSERT INTO tally_delta (of_messages, n, at, provider, recipient, tenant, campaign, egress_source, cause, kind, attempts, delivered_at, noted_at)
    VALUES (0, 1, new.occurred_at, new.provider, new.recipient, new.tenant, new.campaign, new.egress_source, new.cause, new.type, 0, NULL,
        CAST(unixepoch('subsec') * 1000000 AS INTEGER));
END;

CREATE TRIGGER tally_added_log AFTER INSERT ON email_log
WHEN new.confirmed AND NOT new.of_report AND new.accepted_at IS NOT NULL
BEGIN
    INSERT INTO tally_delta (of_messages, n, at, provider, recipient, tenant, campaign, egress_source, cause, kind, attempts, delivered_at, noted_at)
    VALUES (1, 1, new.accepted_at, new.provider, new.recipient, new.tenant, new.campaign, new.egress_source, new.cause, new.status, new.attempts, new.delivered_at,
        CAST(unixepoch('subsec') * 1000000 AS INTEGER));
END;

CREATE TRIGGER tally_changed_log AFTER UPDATE ON email_log
WHEN old.status IS NOT new.status OR old.attempts IS NOT new.attempts OR old.delivered_at IS NOT new.delivered_at
    OR old.accepted_at IS NOT new.accepted_at OR old.confirmed IS NOT new.confirmed OR old.of_report IS NOT new.of_report
    OR old.provider IS NOT new.provider OR old.tenant IS NOT new.tenant OR old.campaign IS NOT new.campaign
    OR old.egress_source IS NOT new.egress_source OR old.cause IS NOT new.cause
BEGIN
    INSERT INTO tally_delta (of_messages, n, at, provider, recipient, tenant, campaign, egress_source, cause, kind, attempts, delivered_at, noted_at)
    SELECT 1, -1, old.accepted_at, old.provider, old.recipient, old.tenant, old.campaign, old.egress_source, old.cause, old.status, old.attempts, old.delivered_at,
        CAST(unixepoch('subsec') * 1000000 AS INTEGER)
    WHERE old.confirmed AND NOT old.of_report AND old.accepted_at IS NOT NULL
    UNION ALL
    SELECT 1, 1, new.accepted_at, new.provider, new.recipient, new.tenant, new.campaign, new.egress_source, new.cause, new.status, new.attempts, new.delivered_at,
        CAST(unixepoch('subsec') * 1000000 AS INTEGER)
    WHERE new.confirmed AND NOT new.of_report AND new.accepted_at IS NOT NULL;
END;
