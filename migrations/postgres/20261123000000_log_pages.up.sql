-- Lists of logs by what people ask for, newest first. A page of one is read
-- through its index alone, at the first page as at the thousandth. None of the
-- columns changes once it is known: an index on one that does would end updates
-- on the same page, so there is none on status, provider or egress source.
--
-- Texts are there as hashes, which are short whatever the text; who asks compares
-- the text besides. The hash of the recipient is the end of the key. Nulls last,
-- though a key is never null, is what tells the order of these indexes from that
-- of the primary key: a plan that wants it cannot walk through all keys instead.
CREATE INDEX email_log_recipient ON email_log (substr(uuid_send(key), 12, 5), key DESC NULLS LAST);
CREATE INDEX email_log_application ON email_log (hashtextextended(application_id, 0), key DESC NULLS LAST)
    WHERE application_id IS NOT NULL;
CREATE INDEX email_log_domain ON email_log (hashtextextended(split_part(recipient, '@', -1), 0), key DESC NULLS LAST);
CREATE INDEX email_log_tenant ON email_log (hashtextextended(tenant, 0), key DESC NULLS LAST)
    WHERE tenant IS NOT NULL;
CREATE INDEX email_log_campaign ON email_log (hashtextextended(campaign, 0), key DESC NULLS LAST)
    WHERE campaign IS NOT NULL;
