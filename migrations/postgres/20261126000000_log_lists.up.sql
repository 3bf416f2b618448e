-- Lists of logs by tenant, campaign, domain, provider and egress source: packed, and
-- written for many commits at once by who rolls up. An index for each costs every log
-- an entry of its own at a place of its own: the three there were took a fifth of the
-- server's CPU a record, and provider and egress source, which change, could have none.

-- Nobody writes between what the triggers note and what was there before.
LOCK TABLE email_log IN SHARE ROW EXCLUSIVE MODE;

-- Keys of logs that have something in common. A log may be there twice, or have become
-- one of another tenant or provider, or be gone: who asks looks at the log itself. A
-- log that is confirmed is there, or in tally_delta, under all that it has.
CREATE TABLE email_log_list (
    -- The first 8 bytes of SHA-256 of 'tenant:', 'campaign:', 'domain:', 'provider:' or
    -- 'egress_source:' and the value; those of tenant and provider, and of tenant and
    -- egress source, are joined by XOR (#).
    hash bigint NOT NULL,
    last uuid NOT NULL,   -- of keys
    keys uuid[] NOT NULL  -- in order, up to 120, all with the same first 4 bytes: within 65 s
) WITH (autovacuum_vacuum_scale_factor = 0.05);

-- Short enough for the row: nothing is to be compressed.
ALTER TABLE email_log_list ALTER COLUMN keys SET STORAGE EXTERNAL;

CREATE INDEX email_log_list_last ON email_log_list (hash, last);
CREATE INDEX email_log_list_day ON email_log_list USING brin (last); -- for days to be let go of

ALTER TYPE tally ADD ATTRIBUTE key uuid; -- of messages, NULL in tallies of before
COMMENT ON COLUMN tally.at IS 'of events when they occurred, of messages when they were accepted; NULL for messages that are not counted, but listed';

-- What the two functions have in common:
--
--   Two transactions never meet at a row of email_log_rare that have not met at its
--   log before. A log's confirmation stays, so what leaves does so by its status.
--   The plans are kept from when the tables were small, or a statement was, so hardly
--   anything is joined.
CREATE OR REPLACE FUNCTION email_log_added() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT SET enable_seqscan TO off AS $$
BEGIN
    WITH rare AS (
        INSERT INTO email_log_rare AS r (key, status, of_report, domain, tenant, campaign, provider, egress_source, cause)
        SELECT key, status, of_report, CASE WHEN strpos(recipient, '@') > 0 THEN split_part(recipient, '@', -1) END,
            tenant, campaign, provider, egress_source, cause
        FROM became
        WHERE status IN ('deferred', 'transferred', 'expired', 'bounced', 'complained') AND confirmed
        ON CONFLICT (status, key) DO UPDATE SET of_report = excluded.of_report, tenant = excluded.tenant,
            campaign = excluded.campaign, provider = excluded.provider, egress_source = excluded.egress_source,
            cause = excluded.cause
        WHERE (r.of_report, r.tenant, r.campaign, r.provider, r.egress_source, r.cause) IS DISTINCT FROM
            (excluded.of_report, excluded.tenant, excluded.campaign, excluded.provider, excluded.egress_source, excluded.cause))
    INSERT INTO tally_delta (logs)
    SELECT list FROM (
        SELECT array_agg(ROW(1, CASE WHEN NOT of_report THEN accepted_at END, provider, recipient, tenant, campaign,
            egress_source, cause, status, attempts, delivered_at, key)::tally) AS list
        FROM became WHERE confirmed) t
    WHERE list IS NOT NULL;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION email_log_changed() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT SET enable_seqscan TO off AS $$
BEGIN
    -- It is called for each unit, also for one that knew none of its logs.
    IF NOT EXISTS (SELECT FROM became) THEN
        RETURN NULL;
    END IF;
    -- Few rows are left to be looked up among the others, by a hash: a join is
    -- planned for rows that the planner knows nothing of, and then for all.
    WITH common AS (
        DELETE FROM email_log_rare r USING (
            SELECT key, status FROM was
            WHERE status IN ('deferred', 'transferred', 'expired', 'bounced', 'complained') OFFSET 0) w
        WHERE r.status = w.status AND r.key = w.key AND (w.key, w.status) NOT IN (SELECT key, status FROM became)),
    rare AS (
        INSERT INTO email_log_rare AS r (key, status, of_report, domain, tenant, campaign, provider, egress_source, cause)
        SELECT key, status, of_report, CASE WHEN strpos(recipient, '@') > 0 THEN split_part(recipient, '@', -1) END,
            tenant, campaign, provider, egress_source, cause
        FROM became
        WHERE status IN ('deferred', 'transferred', 'expired', 'bounced', 'complained') AND confirmed
        ON CONFLICT (status, key) DO UPDATE SET of_report = excluded.of_report, tenant = excluded.tenant,
            campaign = excluded.campaign, provider = excluded.provider, egress_source = excluded.egress_source,
            cause = excluded.cause
        WHERE (r.of_report, r.tenant, r.campaign, r.provider, r.egress_source, r.cause) IS DISTINCT FROM
            (excluded.of_report, excluded.tenant, excluded.campaign, excluded.provider, excluded.egress_source, excluded.cause))
    INSERT INTO tally_delta (logs)
    SELECT list FROM (
        SELECT array_agg(ROW(n, CASE WHEN NOT of_report THEN accepted_at END, provider, recipient, tenant, campaign,
            egress_source, cause, status, attempts, delivered_at, key)::tally) AS list
        FROM (SELECT -1 AS n, * FROM was UNION ALL SELECT 1, * FROM became) c
        WHERE confirmed) t
    WHERE list IS NOT NULL;
    RETURN NULL;
END $$;

-- What was there before, which is counted already.
INSERT INTO tally_delta (logs)
SELECT array_agg(ROW(1, NULL, provider, recipient, tenant, campaign, egress_source, cause, status, attempts,
    delivered_at, key)::tally)
FROM (SELECT *, row_number() OVER (ORDER BY key) AS place FROM email_log WHERE confirmed) l
GROUP BY place / 1000
ORDER BY place / 1000;

-- In this order: who reads has locked the first two before email_log.
DROP TABLE email_log_seen, email_log_seldom;
DROP INDEX email_log_tenant, email_log_campaign, email_log_domain;
