-- What events mean: who runs the recipient's mailbox, why a message did not
-- arrive, and which message a report is about. Rows of before know nothing of it.

ALTER TABLE email_event ADD COLUMN provider TEXT;         -- who runs the recipient's mailbox
ALTER TABLE email_event ADD COLUMN classification TEXT;   -- KumoMTA's own class of a bounce; NULL for Uncategorized, which says nothing
-- What a failure means.
ALTER TABLE email_event ADD COLUMN cause TEXT;            -- recipient, domain, sender, content, infrastructure ...
ALTER TABLE email_event ADD COLUMN subcause TEXT;         -- a finer word: unknown, full, blocklist, spam, greylisting ...
ALTER TABLE email_event ADD COLUMN permanence TEXT;       -- permanent, temporary
ALTER TABLE email_event ADD COLUMN fault TEXT;            -- whose: recipient, sender, provider, network, us
ALTER TABLE email_event ADD COLUMN rule TEXT;             -- that says so
ALTER TABLE email_event ADD COLUMN response_hash INTEGER; -- same for responses that differ in addresses, ids, times ...
-- What message an OOB or feedback is about.
ALTER TABLE email_event ADD COLUMN original_key BLOB;     -- email_log.key; of several recipients that of the first
ALTER TABLE email_event ADD COLUMN tied_by TEXT;          -- verp, policy_meta, trace, received, message_id
ALTER TABLE email_event ADD COLUMN confidence TEXT;       -- verified: nobody else could name it; claimed

CREATE INDEX email_event_original ON email_event (original_key) WHERE original_key IS NOT NULL;

ALTER TABLE email_log ADD COLUMN prior_id TEXT;           -- message id before it was transferred from another node
ALTER TABLE email_log ADD COLUMN next_id TEXT;            -- and after it was transferred to another node
-- 0 while only reports or the other node of a transfer speak of the message,
-- which may not exist: not to be counted.
ALTER TABLE email_log ADD COLUMN confirmed INTEGER NOT NULL DEFAULT 1;
ALTER TABLE email_log ADD COLUMN of_report INTEGER NOT NULL DEFAULT 0; -- 1 if the message is a report, no mail of ours
-- As in email_event, of the event that decides the status.
ALTER TABLE email_log ADD COLUMN cause TEXT;
ALTER TABLE email_log ADD COLUMN subcause TEXT;
ALTER TABLE email_log ADD COLUMN permanence TEXT;
ALTER TABLE email_log ADD COLUMN fault TEXT;
ALTER TABLE email_log ADD COLUMN rule TEXT;
ALTER TABLE email_log ADD COLUMN response_hash INTEGER;
ALTER TABLE email_log ADD COLUMN confidence TEXT;         -- that the deciding report is about this message

-- decision ends with what tells copies of the deciding event apart (5 bytes),
-- where there is more to say.
ALTER TABLE email_log DROP COLUMN event_id;
ALTER TABLE email_log ADD COLUMN event_id BLOB GENERATED ALWAYS AS (substr(decision, 10, 16)) VIRTUAL;
