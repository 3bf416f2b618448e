-- What a commit knows of what it adds it notes itself, packed: of logs that are new
-- that is all there is to know. The triggers of email_log go on to note those that are
-- joined with others, and whatever else writes to the table. New logs go to their days
-- by name, where no trigger fires: a COPY to a table that has one for statements adds
-- row by row, and a note of the type tally costs as much as an index.
CREATE TABLE unit_tally (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    noted_at timestamptz NOT NULL DEFAULT now(),
    events   bytea, -- tallies of new events, packed by the service
    messages bytea  -- tallies of messages whose logs are new
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- It is read once: to compress it costs more than it spares.
ALTER TABLE unit_tally ALTER COLUMN events SET STORAGE EXTERNAL;
ALTER TABLE unit_tally ALTER COLUMN messages SET STORAGE EXTERNAL;
