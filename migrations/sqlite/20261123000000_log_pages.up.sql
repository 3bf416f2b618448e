-- Lists of logs by what people ask for, newest first: each entry ends with the
-- key. None of the columns changes once it is known. The hash of the recipient is
-- the end of the key; who asks compares the text besides. The domain is what
-- stands behind the last @.
CREATE INDEX email_log_recipient ON email_log (substr(key, 12, 5));
CREATE INDEX email_log_domain ON email_log (replace(recipient, rtrim(recipient, replace(recipient, '@', '')), ''));
CREATE INDEX email_log_tenant ON email_log (tenant) WHERE tenant IS NOT NULL;
CREATE INDEX email_log_campaign ON email_log (campaign) WHERE campaign IS NOT NULL;
