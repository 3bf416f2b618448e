-- Where much mail comes, five minutes of it have some of every provider, and of one
-- that has a thousandth of them thousands are looked through for a page. So of what
-- is seldom the logs themselves are listed, and only of the rest the five minutes.

-- Logs of providers and egress sources of which the statement that wrote them had
-- few, by the triggers of a later migration; what was there before stays as it is
-- noted, by five minutes. One may be there twice, or have become one of another
-- provider or tenant: it is then there with that one too, or its five minutes are in
-- email_log_seen.
CREATE TABLE email_log_seldom (
    hash   bigint NOT NULL, -- as in email_log_seen
    key    uuid NOT NULL,
    tenant bigint           -- hashtextextended(tenant, 0)
);

-- Nulls last for the same reasons as with the lists of all logs.
CREATE INDEX email_log_seldom_key ON email_log_seldom (hash, key DESC NULLS LAST);
CREATE INDEX email_log_seldom_tenant ON email_log_seldom ((hash # tenant), key DESC NULLS LAST) WHERE tenant IS NOT NULL;
