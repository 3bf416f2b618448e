-- What reports that name no message are likely about: looked for when it is
-- asked for, by the recipient, whose case some servers change.

-- The recipient whom an OOB or feedback names, the letters of ASCII in lower
-- case, where it is tied to no message; NULL for all other events. Reports of
-- before have none.
ALTER TABLE email_event ADD COLUMN reported TEXT;

-- Both indexes hold a few rows of many.
CREATE INDEX email_event_reported ON email_event (reported) WHERE reported IS NOT NULL;
CREATE INDEX email_log_capitals ON email_log (lower(recipient)) WHERE recipient <> lower(recipient);
