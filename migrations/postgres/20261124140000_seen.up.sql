-- Lists of logs by provider or egress source have no index, for these come to be
-- known after the log: they are looked for among all. What follows says where to
-- look, so that one that is rare, or has long been silent, is found at once.

-- The five minutes that email_log has logs of a provider or an egress source for.
-- A row may be there twice, by writers that did not see each other, and one may be
-- there without a log: the provider may turn out to be another.
CREATE TABLE email_log_seen (
    hash bigint NOT NULL, -- hashtextextended(provider, 1) or hashtextextended(egress_source, 2)
    slot bigint NOT NULL  -- of five minutes, since 1970, by the time in the key
);

CREATE INDEX email_log_seen_slot ON email_log_seen (hash, slot);

-- A unique index would have writers wait for each other, and lock each other out.
-- The plan is kept from when the table was small.
CREATE FUNCTION email_log_note_seen() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT SET enable_seqscan TO off AS $$
BEGIN
    INSERT INTO email_log_seen (hash, slot)
    SELECT d.hash, d.slot
    FROM (
        SELECT DISTINCT n.hash, b.slot
        FROM (SELECT hashtextextended(provider, 1) AS provider, hashtextextended(egress_source, 2) AS source,
                ('x' || left(encode(uuid_send(key), 'hex'), 12))::bit(48)::bigint / 300000 AS slot
            FROM became OFFSET 0) b
        CROSS JOIN LATERAL (VALUES (b.provider), (b.source)) n (hash)
        WHERE n.hash IS NOT NULL) d
    WHERE NOT EXISTS (SELECT FROM email_log_seen s WHERE s.hash = d.hash AND s.slot = d.slot OFFSET 0);
    RETURN NULL;
END $$;

CREATE TRIGGER email_log_seen_new AFTER INSERT ON email_log
    REFERENCING NEW TABLE AS became
    FOR EACH STATEMENT EXECUTE FUNCTION email_log_note_seen();
CREATE TRIGGER email_log_seen_changed AFTER UPDATE ON email_log
    REFERENCING NEW TABLE AS became
    FOR EACH STATEMENT EXECUTE FUNCTION email_log_note_seen();

INSERT INTO email_log_seen (hash, slot)
SELECT DISTINCT n.hash, b.slot
FROM (SELECT hashtextextended(provider, 1) AS provider, hashtextextended(egress_source, 2) AS source,
        ('x' || left(encode(uuid_send(key), 'hex'), 12))::bit(48)::bigint / 300000 AS slot
    FROM email_log OFFSET 0) b
CROSS JOIN LATERAL (VALUES (b.provider), (b.source)) n (hash)
WHERE n.hash IS NOT NULL;
