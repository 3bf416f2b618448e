-- Changes of the list of suppressions are announced as events are.
ALTER TABLE outbox ADD COLUMN changes text COLLATE "C"; -- a JSON array of them; NULL where events has what is announced, else that is empty
