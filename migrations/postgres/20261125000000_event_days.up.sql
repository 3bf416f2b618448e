-- Where to look for a log's events, so that who asks for them need not look into
-- all days. Logs of before do not know it, nor ever will: their events are looked
-- for in all days, as before, until the logs are dropped.

ALTER TABLE email_log ADD COLUMN days bigint; -- bit n: events on the nth day from that of key, 62: without time, 63: elsewhere

-- Days that someone was interrupted in dropping may be attached again.
DO $$
DECLARE
    old regclass;
BEGIN
    FOR old IN
        SELECT c.oid FROM pg_class c
        WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
            AND c.relkind = 'r' AND c.relname ~ '^email_log_[0-9]{8}$'
            AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'days')
    LOOP
        EXECUTE format('ALTER TABLE %s ADD COLUMN days bigint', old);
    END LOOP;
END $$;

ALTER TYPE email_log_row ADD ATTRIBUTE days bigint;
