-- Where much mail comes, five minutes of it have some of every provider, and of one
-- that has a thousandth of them thousands are looked through for a page. So of what
-- is seldom the logs themselves are listed, and only of the rest the five minutes.

-- Logs of providers and egress sources of which the statement that wrote them had
-- few. One may be there twice, or have become one of another provider or tenant:
-- it is then there with that one too, or its five minutes are in email_log_seen.
CREATE TABLE email_log_seldom (
    hash   bigint NOT NULL, -- as in email_log_seen
    key    uuid NOT NULL,
    tenant bigint           -- hashtextextended(tenant, 0)
);

-- Nulls last for the same reasons as with the lists of all logs.
CREATE INDEX email_log_seldom_key ON email_log_seldom (hash, key DESC NULLS LAST);
CREATE INDEX email_log_seldom_tenant ON email_log_seldom ((hash # tenant), key DESC NULLS LAST) WHERE tenant IS NOT NULL;

-- What five minutes are noted for already is not listed, for they are looked
-- through. Of a small statement nothing is: what has one log of ten may be seldom,
-- or not. The plan is kept from when the tables were small, or a statement was, so
-- nothing is joined: IS TRUE keeps IN from being one.
CREATE OR REPLACE FUNCTION email_log_note_seen() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT SET enable_seqscan TO off AS $$
BEGIN
    WITH logs AS MATERIALIZED (
        SELECT n.hash, b.slot, b.key, b.tenant
        FROM (SELECT key, hashtextextended(provider, 1) AS provider, hashtextextended(egress_source, 2) AS source,
                hashtextextended(tenant, 0) AS tenant,
                ('x' || left(encode(uuid_send(key), 'hex'), 12))::bit(48)::bigint / 300000 AS slot
            FROM became OFFSET 0) b
        CROSS JOIN LATERAL (VALUES (b.provider), (b.source)) n (hash)
        WHERE n.hash IS NOT NULL),
    alike AS MATERIALIZED (SELECT hash, slot, count(*) AS logs FROM logs GROUP BY hash, slot),
    seldom AS MATERIALIZED (
        SELECT hash FROM alike CROSS JOIN (SELECT count(*) AS logs FROM became) a
        GROUP BY hash, a.logs HAVING a.logs >= 64 AND sum(alike.logs) <= greatest(a.logs / 64, 2)),
    listed AS (
        INSERT INTO email_log_seldom (hash, key, tenant)
        SELECT hash, key, tenant
        FROM (SELECT * FROM logs WHERE (hash IN (SELECT hash FROM seldom)) IS TRUE OFFSET 0) l
        WHERE NOT EXISTS (SELECT FROM email_log_seen s WHERE s.hash = l.hash AND s.slot = l.slot OFFSET 0)
            AND NOT EXISTS (SELECT FROM email_log_seldom s WHERE s.hash = l.hash AND s.key = l.key
                AND s.tenant IS NOT DISTINCT FROM l.tenant OFFSET 0))
    INSERT INTO email_log_seen (hash, slot)
    SELECT hash, slot
    FROM (SELECT * FROM alike WHERE hash NOT IN (SELECT hash FROM seldom) OFFSET 0) a
    WHERE NOT EXISTS (SELECT FROM email_log_seen s WHERE s.hash = a.hash AND s.slot = a.slot OFFSET 0);
    RETURN NULL;
END $$;

-- What was there before, by the share that each has of the five minutes. Nobody
-- writes meanwhile: what a writer finds noted would no longer be.
LOCK TABLE email_log IN SHARE ROW EXCLUSIVE MODE;
SET LOCAL work_mem TO '256MB';

WITH logs AS NOT MATERIALIZED (
    SELECT key, hashtextextended(tenant, 0) AS tenant,
        hashtextextended(provider, 1) AS provider, hashtextextended(egress_source, 2) AS source,
        ('x' || left(encode(uuid_send(key), 'hex'), 12))::bit(48)::bigint / 300000 AS slot
    FROM email_log OFFSET 0),
seldom AS MATERIALIZED (
    SELECT hash, slot
    FROM (SELECT n.hash, l.slot, count(*) AS logs
        FROM logs l CROSS JOIN LATERAL (VALUES (l.provider), (l.source)) n (hash)
        WHERE n.hash IS NOT NULL GROUP BY n.hash, l.slot) n
    JOIN (SELECT slot, count(*) AS logs FROM logs GROUP BY slot) a USING (slot)
    WHERE a.logs >= 64 AND n.logs <= greatest(a.logs / 64, 2)),
unnoted AS (
    DELETE FROM email_log_seen s USING seldom WHERE s.hash = seldom.hash AND s.slot = seldom.slot)
INSERT INTO email_log_seldom (hash, key, tenant)
SELECT n.hash, l.key, l.tenant
FROM logs l CROSS JOIN LATERAL (VALUES (l.provider), (l.source)) n (hash)
JOIN seldom ON seldom.hash = n.hash AND seldom.slot = l.slot;
