-- What figures, and lists of what is sparse, cost a commit.

-- Who watches wants to know how far the roll-ups are behind.
ALTER TABLE tally_delta ADD COLUMN noted_at timestamptz DEFAULT now();

-- Tallies are alike, and lz4 takes no more time than to write what it spares: 66
-- bytes a record of the WAL become 18. A server may be built without.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)) THEN
        ALTER TABLE tally_delta
            ALTER COLUMN events SET STORAGE EXTENDED, ALTER COLUMN events SET COMPRESSION lz4,
            ALTER COLUMN logs SET STORAGE EXTENDED, ALTER COLUMN logs SET COMPRESSION lz4;
    END IF;
END $$;

-- One trigger with one statement for all that follows email_log, where there were
-- three: each costs a unit the same whatever its size. With 20 records a unit 17 us
-- of the server's CPU a record become 6, with 500 1.5 become 1.3.
DROP TRIGGER tally_added ON email_log;
DROP TRIGGER tally_changed ON email_log;
DROP TRIGGER email_log_rare_new ON email_log;
DROP TRIGGER email_log_rare_changed ON email_log;
DROP TRIGGER email_log_seen_new ON email_log;
DROP TRIGGER email_log_seen_changed ON email_log;
DROP FUNCTION tally_added_logs, tally_changed_logs, email_log_follow_rare, email_log_note_seen;

-- What the two functions have in common:
--
--   Two transactions never meet at a row of email_log_rare that have not met at its
--   log before. A log's confirmation stays, so what leaves does so by its status.
--   To email_log_seen logs are told apart by the first four bytes of their keys, 65
--   seconds, before anything is worked out, for that takes long. Where such a stretch
--   is of two slots, both are noted.
--   Of a small statement nothing is listed as seldom: what has one log of ten may be,
--   or not. Nor is what five minutes are noted for already, as they are looked through.
--   The plans are kept from when the tables were small, or a statement was, so hardly
--   anything is joined.
CREATE FUNCTION email_log_added() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT SET enable_seqscan TO off AS $$
DECLARE
    changed_logs  bigint;         -- how many
    seldom_hashes bigint[] := '{}'; -- of what is seldom among them
BEGIN
    SELECT count(*) INTO changed_logs FROM became;
    IF changed_logs >= 64 THEN
        SELECT coalesce(array_agg(hash), seldom_hashes) INTO seldom_hashes FROM (
            SELECT n.hash
            FROM (SELECT hashtextextended(provider, 1) AS provider, hashtextextended(egress_source, 2) AS source, count(*) AS logs
                FROM became GROUP BY provider, egress_source) b
            CROSS JOIN LATERAL (VALUES (b.provider), (b.source)) n (hash)
            WHERE n.hash IS NOT NULL
            GROUP BY n.hash HAVING sum(b.logs) <= greatest(changed_logs / 64, 2)) few;
        IF seldom_hashes <> '{}' THEN
            INSERT INTO email_log_seldom (hash, key, tenant)
            SELECT l.hash, l.key, l.tenant
            FROM (SELECT n.hash, b.key, hashtextextended(b.tenant, 0) AS tenant
                FROM (SELECT key, tenant, hashtextextended(provider, 1) AS provider, hashtextextended(egress_source, 2) AS source
                    FROM became OFFSET 0) b
                CROSS JOIN LATERAL (VALUES (b.provider), (b.source)) n (hash)
                WHERE n.hash = ANY (seldom_hashes) OFFSET 0) l
            WHERE NOT EXISTS (SELECT FROM email_log_seldom s WHERE s.hash = l.hash AND s.key = l.key
                    AND s.tenant IS NOT DISTINCT FROM l.tenant OFFSET 0)
                AND NOT EXISTS (SELECT FROM email_log_seen s WHERE s.hash = l.hash
                    AND s.slot = ('x' || left(encode(uuid_send(l.key), 'hex'), 12))::bit(48)::bigint / 300000 OFFSET 0);
        END IF;
    END IF;
    WITH tallied AS (
        INSERT INTO tally_delta (logs)
        SELECT list FROM (
            SELECT array_agg(ROW(1, accepted_at, provider, recipient, tenant, campaign, egress_source, cause, status, attempts, delivered_at)::tally) AS list
            FROM became WHERE confirmed AND NOT of_report AND accepted_at IS NOT NULL) t
        WHERE list IS NOT NULL),
    rare AS (
        INSERT INTO email_log_rare AS r (key, status, of_report, domain, tenant, campaign, provider, egress_source, cause)
        SELECT key, status, of_report, CASE WHEN strpos(recipient, '@') > 0 THEN split_part(recipient, '@', -1) END,
            tenant, campaign, provider, egress_source, cause
        FROM became
        WHERE status IN ('deferred', 'transferred', 'expired', 'bounced', 'complained') AND confirmed
        ON CONFLICT (status, key) DO UPDATE SET of_report = excluded.of_report, tenant = excluded.tenant,
            campaign = excluded.campaign, provider = excluded.provider, egress_source = excluded.egress_source,
            cause = excluded.cause
        WHERE (r.of_report, r.tenant, r.campaign, r.provider, r.egress_source, r.cause) IS DISTINCT FROM
            (excluded.of_report, excluded.tenant, excluded.campaign, excluded.provider, excluded.egress_source, excluded.cause))
    INSERT INTO email_log_seen (hash, slot)
    SELECT d.hash, d.slot
    FROM (
        SELECT DISTINCT n.hash, s.slot
        FROM (SELECT hashtextextended(provider, 1) AS provider, hashtextextended(egress_source, 2) AS source,
                ('x' || encode(stretch, 'hex'))::bit(32)::bigint << 16 AS time
            FROM (SELECT DISTINCT provider, egress_source, substr(uuid_send(key), 1, 4) AS stretch FROM became) k OFFSET 0) b
        CROSS JOIN LATERAL (VALUES (b.time / 300000), ((b.time + 65535) / 300000)) s (slot)
        CROSS JOIN LATERAL (VALUES (b.provider), (b.source)) n (hash)
        WHERE n.hash IS NOT NULL AND n.hash <> ALL (seldom_hashes)) d
    WHERE NOT EXISTS (SELECT FROM email_log_seen s WHERE s.hash = d.hash AND s.slot = d.slot OFFSET 0);
    RETURN NULL;
END $$;

CREATE FUNCTION email_log_changed() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT SET enable_seqscan TO off AS $$
DECLARE
    changed_logs  bigint;         -- how many
    seldom_hashes bigint[] := '{}'; -- of what is seldom among them
BEGIN
    SELECT count(*) INTO changed_logs FROM became;
    -- It is called for each unit, also for one that knew none of its logs.
    IF changed_logs = 0 THEN
        RETURN NULL;
    END IF;
    IF changed_logs >= 64 THEN
        SELECT coalesce(array_agg(hash), seldom_hashes) INTO seldom_hashes FROM (
            SELECT n.hash
            FROM (SELECT hashtextextended(provider, 1) AS provider, hashtextextended(egress_source, 2) AS source, count(*) AS logs
                FROM became GROUP BY provider, egress_source) b
            CROSS JOIN LATERAL (VALUES (b.provider), (b.source)) n (hash)
            WHERE n.hash IS NOT NULL
            GROUP BY n.hash HAVING sum(b.logs) <= greatest(changed_logs / 64, 2)) few;
        IF seldom_hashes <> '{}' THEN
            INSERT INTO email_log_seldom (hash, key, tenant)
            SELECT l.hash, l.key, l.tenant
            FROM (SELECT n.hash, b.key, hashtextextended(b.tenant, 0) AS tenant
                FROM (SELECT key, tenant, hashtextextended(provider, 1) AS provider, hashtextextended(egress_source, 2) AS source
                    FROM became OFFSET 0) b
                CROSS JOIN LATERAL (VALUES (b.provider), (b.source)) n (hash)
                WHERE n.hash = ANY (seldom_hashes) OFFSET 0) l
            WHERE NOT EXISTS (SELECT FROM email_log_seldom s WHERE s.hash = l.hash AND s.key = l.key
                    AND s.tenant IS NOT DISTINCT FROM l.tenant OFFSET 0)
                AND NOT EXISTS (SELECT FROM email_log_seen s WHERE s.hash = l.hash
                    AND s.slot = ('x' || left(encode(uuid_send(l.key), 'hex'), 12))::bit(48)::bigint / 300000 OFFSET 0);
        END IF;
    END IF;
    WITH tallied AS (
        INSERT INTO tally_delta (logs)
        SELECT list FROM (
            SELECT array_agg(ROW(n, accepted_at, provider, recipient, tenant, campaign, egress_source, cause, status, attempts, delivered_at)::tally) AS list
            FROM (SELECT -1 AS n, * FROM was UNION ALL SELECT 1, * FROM became) c
            WHERE confirmed AND NOT of_report AND accepted_at IS NOT NULL) t
        WHERE list IS NOT NULL),
    -- Few rows are left to be looked up among the others, by a hash: a join is
    -- planned for rows that the planner knows nothing of, and then for all.
    common AS (
        DELETE FROM email_log_rare r USING (
            SELECT key, status FROM was
            WHERE status IN ('deferred', 'transferred', 'expired', 'bounced', 'complained') OFFSET 0) w
        WHERE r.status = w.status AND r.key = w.key AND (w.key, w.status) NOT IN (SELECT key, status FROM became)),
    rare AS (
        INSERT INTO email_log_rare AS r (key, status, of_report, domain, tenant, campaign, provider, egress_source, cause)
        SELECT key, status, of_report, CASE WHEN strpos(recipient, '@') > 0 THEN split_part(recipient, '@', -1) END,
            tenant, campaign, provider, egress_source, cause
        FROM became
        WHERE status IN ('deferred', 'transferred', 'expired', 'bounced', 'complained') AND confirmed
        ON CONFLICT (status, key) DO UPDATE SET of_report = excluded.of_report, tenant = excluded.tenant,
            campaign = excluded.campaign, provider = excluded.provider, egress_source = excluded.egress_source,
            cause = excluded.cause
        WHERE (r.of_report, r.tenant, r.campaign, r.provider, r.egress_source, r.cause) IS DISTINCT FROM
            (excluded.of_report, excluded.tenant, excluded.campaign, excluded.provider, excluded.egress_source, excluded.cause))
    INSERT INTO email_log_seen (hash, slot)
    SELECT d.hash, d.slot
    FROM (
        SELECT DISTINCT n.hash, s.slot
        FROM (SELECT hashtextextended(provider, 1) AS provider, hashtextextended(egress_source, 2) AS source,
                ('x' || encode(stretch, 'hex'))::bit(32)::bigint << 16 AS time
            FROM (SELECT DISTINCT provider, egress_source, substr(uuid_send(key), 1, 4) AS stretch FROM became) k OFFSET 0) b
        CROSS JOIN LATERAL (VALUES (b.time / 300000), ((b.time + 65535) / 300000)) s (slot)
        CROSS JOIN LATERAL (VALUES (b.provider), (b.source)) n (hash)
        WHERE n.hash IS NOT NULL AND n.hash <> ALL (seldom_hashes)) d
    WHERE NOT EXISTS (SELECT FROM email_log_seen s WHERE s.hash = d.hash AND s.slot = d.slot OFFSET 0);
    RETURN NULL;
END $$;

CREATE TRIGGER email_log_added AFTER INSERT ON email_log
    REFERENCING NEW TABLE AS became
    FOR EACH STATEMENT EXECUTE FUNCTION email_log_added();
CREATE TRIGGER email_log_changed AFTER UPDATE ON email_log
    REFERENCING OLD TABLE AS was NEW TABLE AS became
    FOR EACH STATEMENT EXECUTE FUNCTION email_log_changed();
