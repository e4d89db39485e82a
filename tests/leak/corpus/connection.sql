-- What a client may ask for at login.

--# value logins
--@ startup:application_name=Wom
SELECT secret FROM app.people
--@ startup:search_path=app
SELECT secret FROM people
--@ startup:replication=database
SELECT secret FROM app.people
--@ startup:replication=database
SELECT secret || '' FROM app.people
--@ startup:replication=false
SELECT secret FROM app.people
--@ startup:options=-crow_security=off\_-cstatement_timeout=60s
SELECT secret FROM app.people
--@ startup:role=pgveil_agent
SELECT secret FROM app.people
--@ startup:my.setting=x
SELECT secret, current_setting('my.setting') FROM app.people
--@ startup:_pq_.pgveil=off
SELECT secret FROM app.people
--@ startup:options=-clocal_preload_libraries=
SELECT secret FROM app.people
--@ startup:options=-cdefault_transaction_isolation=serializable
SELECT secret FROM app.people
