-- Reports that name no message in a table of their own. Who asks what is likely about
-- a message asks for the reports of 30 days, and of email_event a month of days would
-- each have to be made ready for it, which takes five times as long as the answer does.

-- Nobody reads or writes from here on, and finds one without the other.
LOCK TABLE email_event IN ACCESS EXCLUSIVE MODE;

-- A row for each event with whom it reports on, see email_event.reported. Rows of days
-- that are being dropped may outlast their events by a moment.
CREATE TABLE email_report (
    id       uuid PRIMARY KEY, -- of the event
    reported text COLLATE "C" NOT NULL
);

-- Of events a few in a hundred are reports, so this is done one by one: whether a row
-- is one costs a COPY what the condition of the index did.
CREATE FUNCTION email_event_follow_report() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO email_report (id, reported) VALUES (NEW.id, NEW.reported);
    RETURN NULL;
END $$;

CREATE TRIGGER email_event_report AFTER INSERT ON email_event
    FOR EACH ROW WHEN (NEW.reported IS NOT NULL) EXECUTE FUNCTION email_event_follow_report();

INSERT INTO email_report (id, reported) SELECT id, reported FROM email_event WHERE reported IS NOT NULL;

-- Days that someone was interrupted in dropping may be attached again.
DO $$
DECLARE
    old regclass;
BEGIN
    FOR old IN
        SELECT c.oid FROM pg_class c
        WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
            AND c.relkind = 'r' AND c.relname ~ '^email_event_[0-9]{8}$'
            AND NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid AND NOT i.inhdetachpending)
            AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'reported')
    LOOP
        EXECUTE format('INSERT INTO email_report (id, reported) SELECT id, reported FROM %s WHERE reported IS NOT NULL', old);
    END LOOP;
END $$;

DROP INDEX email_event_reported;

CREATE INDEX email_report_reported ON email_report (hashtextextended(reported, 0), id NULLS FIRST);
