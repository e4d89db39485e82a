-- Changes decoded from the log.

--# value decoding
-- An update for all three: the databases are made anew behind it, which takes time.
--@ own
BEGIN ;; SELECT 1 FROM pg_create_logical_replication_slot('s1', 'test_decoding', true) ;; UPDATE mine.cust SET name = name ;; COMMIT ;; SELECT data FROM pg_logical_slot_peek_binary_changes('s1', NULL, NULL) ;; SELECT data FROM pg_logical_slot_peek_changes('s1', NULL, NULL) ;; SELECT data FROM pg_logical_slot_get_changes('s1', NULL, NULL)
--@ startup:replication=database
SELECT secret FROM app.people
--@ startup:replication=database
CREATE_REPLICATION_SLOT s4 TEMPORARY LOGICAL test_decoding ;; SELECT secret FROM app.people
