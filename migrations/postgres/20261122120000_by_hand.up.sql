-- What others than the MTA say.

-- Addresses that must not be mailed. One stays as it is until it is taken out.
CREATE TABLE suppression (
    address  text COLLATE "C" NOT NULL PRIMARY KEY, -- in lower case, its local part too
    domain   text COLLATE "C" NOT NULL,             -- of the address
    reason   text COLLATE "C" NOT NULL,             -- manual, hard_bounce, complaint, unsubscribe, invalid
    note     text COLLATE "C",
    event_id uuid,                                  -- email_event.id that gave rise to it
    added_at timestamptz NOT NULL                   -- by our clock
);

CREATE INDEX suppression_domain ON suppression (domain, address);
CREATE INDEX suppression_reason ON suppression (reason, address);

-- Messages that applications announced before or at their injection, a row for
-- each recipient. The first word on one stays.
CREATE TABLE registration (
    id             uuid NOT NULL PRIMARY KEY,   -- hash of application_id (8 bytes), hash of recipient (8)
    application_id text COLLATE "C" NOT NULL,   -- as email_log.application_id
    recipient      text COLLATE "C" NOT NULL,   -- domain in lower case
    sender         text COLLATE "C",            -- envelope sender
    subject        text COLLATE "C",
    tenant         text COLLATE "C",
    campaign       text COLLATE "C",
    size           bigint,                      -- bytes
    meta           text COLLATE "C",            -- a JSON object
    registered_at  timestamptz NOT NULL         -- by our clock
);

CREATE INDEX registration_registered ON registration (registered_at);
