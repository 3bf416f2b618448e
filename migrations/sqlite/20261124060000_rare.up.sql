-- Lists of the logs whose status is rare, newest first: of all, of a tenant, of a
-- campaign. To look through a tenant's logs for those that bounced takes the
-- longer the rarer they are.

-- A row for each log of email_log that is confirmed and deferred, transferred,
-- expired, bounced or complained of. It says what email_log says.
CREATE TABLE email_log_rare (
    key           BLOB NOT NULL,
    status        TEXT NOT NULL,
    of_report     INTEGER NOT NULL,
    domain        TEXT, -- of the recipient
    tenant        TEXT,
    campaign      TEXT,
    provider      TEXT,
    egress_source TEXT,
    cause         TEXT,
    PRIMARY KEY (status, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX email_log_rare_tenant ON email_log_rare (tenant, status, key) WHERE tenant IS NOT NULL;
CREATE INDEX email_log_rare_campaign ON email_log_rare (campaign, status, key) WHERE campaign IS NOT NULL;

CREATE TRIGGER email_log_rare_new AFTER INSERT ON email_log
WHEN new.status IN ('deferred', 'transferred', 'expired', 'bounced', 'complained') AND new.confirmed
BEGIN
    INSERT INTO email_log_rare VALUES (new.key, new.status, new.of_report,
        CASE WHEN instr(new.recipient, '@') > 0
            THEN replace(new.recipient, rtrim(new.recipient, replace(new.recipient, '@', '')), '') END,
        new.tenant, new.campaign, new.provider, new.egress_source, new.cause);
END;

CREATE TRIGGER email_log_rare_gone AFTER DELETE ON email_log
WHEN old.status IN ('deferred', 'transferred', 'expired', 'bounced', 'complained')
BEGIN
    DELETE FROM email_log_rare WHERE status = old.status AND key = old.key;
END;

-- What is in the list and stays there as it is is not written again.
CREATE TRIGGER email_log_rare_changed AFTER UPDATE ON email_log
WHEN (old.status IN ('deferred', 'transferred', 'expired', 'bounced', 'complained')
        OR new.status IN ('deferred', 'transferred', 'expired', 'bounced', 'complained'))
    AND (old.status, old.confirmed, old.of_report, old.tenant, old.campaign, old.provider, old.egress_source, old.cause)
        IS NOT (new.status, new.confirmed, new.of_report, new.tenant, new.campaign, new.provider, new.egress_source, new.cause)
BEGIN
    DELETE FROM email_log_rare WHERE status = old.status AND key = old.key;
    INSERT INTO email_log_rare
    SELECT new.key, new.status, new.of_report,
        CASE WHEN instr(new.recipient, '@') > 0
            THEN replace(new.recipient, rtrim(new.recipient, replace(new.recipient, '@', '')), '') END,
        new.tenant, new.campaign, new.provider, new.egress_source, new.cause
    WHERE new.status IN ('deferred', 'transferred', 'expired', 'bounced', 'complained') AND new.confirmed;
END;

INSERT INTO email_log_rare
SELECT key, status, of_report,
    CASE WHEN instr(recipient, '@') > 0 THEN replace(recipient, rtrim(recipient, replace(recipient, '@', '')), '') END,
    tenant, campaign, provider, egress_source, cause
FROM email_log
WHERE status IN ('deferred', 'transferred', 'expired', 'bounced', 'complained') AND confirmed;
