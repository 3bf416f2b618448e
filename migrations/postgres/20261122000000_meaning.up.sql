-- What events mean: who runs the recipient's mailbox, why a message did not
-- arrive, and which message a report is about. Rows of before know nothing of it.

ALTER TABLE email_event
    ADD COLUMN provider       text COLLATE "C", -- who runs the recipient's mailbox
    ADD COLUMN classification text COLLATE "C", -- KumoMTA's own class of a bounce; NULL for Uncategorized, which says nothing
    -- What a failure means.
    ADD COLUMN cause          text COLLATE "C", -- recipient, domain, sender, content, infrastructure ...
    ADD COLUMN subcause       text COLLATE "C", -- a finer word: unknown, full, blocklist, spam, greylisting ...
    ADD COLUMN permanence     text COLLATE "C", -- permanent, temporary
    ADD COLUMN fault          text COLLATE "C", -- whose: recipient, sender, provider, network, us
    ADD COLUMN rule           text COLLATE "C", -- that says so
    ADD COLUMN response_hash  bigint,           -- same for responses that differ in addresses, ids, times ...
    -- What message an OOB or feedback is about.
    ADD COLUMN original_key   uuid,             -- email_log.key; of several recipients that of the first
    ADD COLUMN tied_by        text COLLATE "C", -- verp, policy_meta, trace, received, message_id
    ADD COLUMN confidence     text COLLATE "C"; -- verified: nobody else could name it; claimed

CREATE INDEX email_event_original ON email_event (original_key) WHERE original_key IS NOT NULL;

-- email_log is made anew for the order of its columns, which new days take from
-- it. An update on the same page writes to the WAL what lies between the first
-- and the last byte that differ, so what a second word on a message leaves as it
-- is stands first. The days of before stay as they are, with the new columns
-- behind the others.
ALTER TABLE email_log RENAME TO email_log_before;
ALTER INDEX email_log_pkey RENAME TO email_log_before_pkey;

-- What became of one message for one recipient: all that its events say,
-- joined so that no order of arrival matters.
CREATE TABLE email_log (
    key            uuid NOT NULL PRIMARY KEY, -- time of acceptance, hash of message_id, hash of recipient
    accepted_at    timestamptz,
    received_at    timestamptz,               -- where key has no time: when we first heard of it, by our clock
    size           bigint,                    -- bytes
    -- False while only reports or the other node of a transfer speak of the
    -- message, which may not exist: not to be counted.
    confirmed      boolean NOT NULL,
    of_report      boolean NOT NULL,          -- the message is a report, no mail of ours
    message_id     text COLLATE "C" NOT NULL, -- lower case, without dashes
    recipient      text COLLATE "C" NOT NULL, -- domain in lower case
    sender         text COLLATE "C",          -- envelope sender
    tenant         text COLLATE "C",
    campaign       text COLLATE "C",
    application_id text COLLATE "C",          -- id that the sending program gave the message
    prior_id       text COLLATE "C",          -- message id before it was transferred from another node
    next_id        text COLLATE "C",          -- and after it was transferred to another node
    provider       text COLLATE "C",          -- who runs the recipient's mailbox
    egress_source  text COLLATE "C",
    delivered_at   timestamptz,               -- first
    failed_at      timestamptz,               -- first
    complained_at  timestamptz,               -- first
    attempts       integer NOT NULL,          -- to deliver, made so far
    -- Of the event that decides the status. What a failure means is as in
    -- email_event.
    code           integer,                   -- SMTP reply code
    decided_at     timestamptz,               -- time of that event
    response_hash  bigint,
    status         text COLLATE "C" NOT NULL, -- pending, deferred, transferred, expired, bounced, delivered, complained
    enhanced_code  text COLLATE "C",          -- as in 5.1.1
    response       text COLLATE "C",
    cause          text COLLATE "C",
    subcause       text COLLATE "C",
    permanence     text COLLATE "C",
    fault          text COLLATE "C",
    rule           text COLLATE "C",
    confidence     text COLLATE "C",          -- that the deciding report is about this message
    -- Rank of the status (1 byte), time (8), event id (16), and where there is
    -- more to say what tells copies of the event apart (5): the greatest decides.
    decision       bytea NOT NULL
) PARTITION BY RANGE (key);

-- Takes the days over, which reads each once, and who may do what. Days that
-- someone was interrupted in dropping stay detached.
DO $$
DECLARE
    old record;
BEGIN
    FOR old IN
        SELECT c.oid::regclass AS day, pg_get_expr(c.relpartbound, c.oid) AS bound, i.inhdetachpending AS going
        FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
        WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
            AND c.relkind = 'r' AND c.relname ~ '^email_log_([0-9]{8}|undated)$'
        ORDER BY c.relname
    LOOP
        IF old.going IS NOT NULL THEN
            EXECUTE format('ALTER TABLE email_log_before DETACH PARTITION %s %s', old.day,
                CASE WHEN old.going THEN 'FINALIZE' END);
        END IF;
        EXECUTE format('ALTER TABLE %s
            ADD COLUMN confirmed     boolean NOT NULL DEFAULT true,
            ADD COLUMN of_report     boolean NOT NULL DEFAULT false,
            ADD COLUMN prior_id      text COLLATE "C",
            ADD COLUMN next_id       text COLLATE "C",
            ADD COLUMN response_hash bigint,
            ADD COLUMN cause         text COLLATE "C",
            ADD COLUMN subcause      text COLLATE "C",
            ADD COLUMN permanence    text COLLATE "C",
            ADD COLUMN fault         text COLLATE "C",
            ADD COLUMN rule          text COLLATE "C",
            ADD COLUMN confidence    text COLLATE "C"', old.day);
        EXECUTE format('ALTER TABLE %s ALTER confirmed DROP DEFAULT, ALTER of_report DROP DEFAULT', old.day);
        IF NOT old.going THEN
            EXECUTE format('ALTER TABLE email_log ATTACH PARTITION %s %s', old.day, old.bound);
        END IF;
    END LOOP;
    FOR old IN
        SELECT a.privilege_type AS privilege, a.is_grantable AS passed_on,
            CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS who
        FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid = 'email_log_before'::regclass AND a.grantee <> c.relowner
    LOOP
        EXECUTE format('GRANT %s ON email_log TO %s %s', old.privilege, old.who,
            CASE WHEN old.passed_on THEN 'WITH GRANT OPTION' END);
    END LOOP;
END $$;

DROP TABLE email_log_before;

-- A row of email_log on its way in. What most of them have not got comes as one
-- value, which is NULL then: each value costs something to be taken in.
DROP TYPE email_log_row;

CREATE TYPE email_log_transfer AS (prior_id text, next_id text);

CREATE TYPE email_log_verdict AS (
    cause text, subcause text, permanence text, fault text, rule text, response_hash bigint, confidence text
);

CREATE TYPE email_log_row AS (
    key uuid, accepted_at timestamptz, received_at timestamptz, size bigint,
    confirmed boolean, of_report boolean, message_id text, recipient text,
    sender text, tenant text, campaign text, application_id text, transfer email_log_transfer,
    provider text, egress_source text,
    delivered_at timestamptz, failed_at timestamptz, complained_at timestamptz,
    attempts integer, code integer, decided_at timestamptz,
    status text, enhanced_code text, response text, verdict email_log_verdict, decision bytea
);
