-- What reports that name no message are likely about: looked for when it is
-- asked for, by the recipient, whose case some servers change.

-- The recipient whom an OOB or feedback names, the letters of ASCII in lower
-- case, where it is tied to no message; NULL for all other events. Reports of
-- before have none.
ALTER TABLE email_event ADD COLUMN reported text COLLATE "C";

-- Both indexes hold a few rows of many: all others cost them a look at the
-- condition. Texts are there as hashes; who asks compares the text besides. The
-- order of nulls, of which there are none, tells the indexes' order from that of
-- the primary key.
CREATE INDEX email_event_reported ON email_event (hashtextextended(reported, 0), id NULLS FIRST)
    WHERE reported IS NOT NULL;
CREATE INDEX email_log_capitals ON email_log (hashtextextended(lower(recipient), 0), key DESC NULLS LAST)
    WHERE recipient <> lower(recipient);
