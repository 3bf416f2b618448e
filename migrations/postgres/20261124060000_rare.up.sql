-- Lists of the logs whose status is rare, newest first: of all, of a tenant, of a
-- campaign. An index on the status of email_log itself would end
-- updates on the same page, for it changes with every message; and to look
-- through a tenant's logs for those that bounced takes the longer the rarer they
-- are.

-- A row for each log of email_log that is confirmed and deferred, transferred,
-- expired, bounced or complained of. It says what email_log says, in the same
-- transaction. Rows of days that are being dropped may outlast their logs by a
-- moment, so who asks joins email_log.
CREATE TABLE email_log_rare (
    key           uuid NOT NULL,
    status        text COLLATE "C" NOT NULL,
    of_report     boolean NOT NULL,
    domain        text COLLATE "C", -- of the recipient
    tenant        text COLLATE "C",
    campaign      text COLLATE "C",
    provider      text COLLATE "C",
    egress_source text COLLATE "C",
    cause         text COLLATE "C",
    PRIMARY KEY (status, key)
);

-- Hashes and nulls last for the same reasons as with the lists of all logs. Half
-- of what a row costs is indexes, and where mail is put off before it is taken
-- many rows come and go.
CREATE INDEX email_log_rare_tenant ON email_log_rare (hashtextextended(tenant, 0), status, key DESC NULLS LAST)
    WHERE tenant IS NOT NULL;
CREATE INDEX email_log_rare_campaign ON email_log_rare (hashtextextended(campaign, 0), status, key DESC NULLS LAST)
    WHERE campaign IS NOT NULL;

-- Once a statement, whatever the number of its rows. Two transactions never meet
-- at a row here that have not met at its log before. A log's confirmation stays,
-- so what leaves does so by its status. The plans are kept from when the table was
-- small.
CREATE FUNCTION email_log_follow_rare() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT SET enable_seqscan TO off AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        -- Few rows are left to be looked up among the others, by a hash: a join is
        -- planned for rows that the planner knows nothing of, and then for all.
        DELETE FROM email_log_rare r USING (
            SELECT key, status FROM was
            WHERE status IN ('deferred', 'transferred', 'expired', 'bounced', 'complained') OFFSET 0) w
        WHERE r.status = w.status AND r.key = w.key AND (w.key, w.status) NOT IN (SELECT key, status FROM became);
    END IF;
    INSERT INTO email_log_rare AS r (key, status, of_report, domain, tenant, campaign, provider, egress_source, cause)
    SELECT key, status, of_report, CASE WHEN strpos(recipient, '@') > 0 THEN split_part(recipient, '@', -1) END,
        tenant, campaign, provider, egress_source, cause
    FROM became
    WHERE status IN ('deferred', 'transferred', 'expired', 'bounced', 'complained') AND confirmed
    ON CONFLICT (status, key) DO UPDATE SET of_report = excluded.of_report, tenant = excluded.tenant,
        campaign = excluded.campaign, provider = excluded.provider, egress_source = excluded.egress_source,
        cause = excluded.cause
    WHERE (r.of_report, r.tenant, r.campaign, r.provider, r.egress_source, r.cause) IS DISTINCT FROM
        (excluded.of_report, excluded.tenant, excluded.campaign, excluded.provider, excluded.egress_source, excluded.cause);
    RETURN NULL;
END $$;

CREATE TRIGGER email_log_rare_new AFTER INSERT ON email_log
    REFERENCING NEW TABLE AS became
    FOR EACH STATEMENT EXECUTE FUNCTION email_log_follow_rare();
CREATE TRIGGER email_log_rare_changed AFTER UPDATE ON email_log
    REFERENCING OLD TABLE AS was NEW TABLE AS became
    FOR EACH STATEMENT EXECUTE FUNCTION email_log_follow_rare();

INSERT INTO email_log_rare (key, status, of_report, domain, tenant, campaign, provider, egress_source, cause)
SELECT key, status, of_report, CASE WHEN strpos(recipient, '@') > 0 THEN split_part(recipient, '@', -1) END,
    tenant, campaign, provider, egress_source, cause
FROM email_log
WHERE status IN ('deferred', 'transferred', 'expired', 'bounced', 'complained') AND confirmed;
