-- How far the table of a sending platform has been told what was announced. It
-- has a row for each such table that ever was told.
CREATE TABLE platform_position (
    name       text COLLATE "C" NOT NULL PRIMARY KEY, -- of the table, as the setting has it
    sequence   bigint NOT NULL,                       -- of the last message of the stream that is dealt with
    digest     text COLLATE "C" NOT NULL,             -- of that message, '' for not known
    reached_at timestamptz NOT NULL                   -- by the server's clock
);
