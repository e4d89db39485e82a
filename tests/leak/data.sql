-- Fills one database. :v is 1 or 2: the masked values differ in it, also in length, order and which are equal; nothing else does.
-- What a mask shows on purpose (a domain, last digits, a month, NULL, the number of elements) is the same in both.
\set ON_ERROR_STOP 1
INSERT INTO app.team VALUES (1, 'north', 1), (2, 'south', 2), (3, 'west', 3);
INSERT INTO app.people (id, name, team, active, joined, lim, grp, ssn, email, phone, card, balance, visits, big, small, ratio, fee, born, seen, at, span, dev, blob,
	ip, mac, mood, home, spot, tags, nums, grid, meta, raw, doc, tsv, period, bits, pos, secret, pin, nick, vip, h, ci, path)
SELECT i, 'Pat' || i, 1 + i % 3, i <> 5, date '2020-01-01' + i, 0, i,
	'617283' || :v * 10 + (CASE :v WHEN 1 THEN i ELSE 7 - i END) || '-77', 'quorvex' || repeat('y', :v) || i || '@mail.example.org', '+1 613 555 ' || :v * 1000 + i,
	'4929 1173 ' || :v * 1000 + i || ' 0064', 827364.10 + :v * 1000 + i, 1975318642 + :v * 100 + i, 519384720617384950 + :v * 10 + i, 27182 + :v * 10 + i,
	314159.2653 + :v + i, (66260.70 + :v + i)::numeric::money, date '1931-08-17' + :v * 2 + i % 3, timestamptz '1987-03-29 04:05:06.789Z' + :v * interval '1 hour 1 second' + i * interval '1 minute',
	time '13:37:42' + :v * interval '11 minutes', interval '7531 days' + :v * interval '1 day 1 hour',
	('c0ffee11-dead-4bad-8bad-facefeed' || :v || '00' || i)::uuid, decode('deadbeefcafef00d0badf00d0' || :v || '0' || i || repeat('00', :v), 'hex'), ('198.51.77.' || :v * 10 + i)::inet,
	('02:de:ad:be:ef:' || :v || i)::macaddr, (ARRAY['low', 'mid', 'high'])[1 + (:v + i) % (4 - :v)]::app.mood, row('ostrichlane' || :v || i, 'zulqip9' || :v || i)::app.address,
	row(row('gannetroad' || :v || i, 'zulqip8' || :v), 481516 + :v)::app.place, ARRAY['zebrafinch' || :v || i, 'kestrel' || :v], ARRAY[975310 + :v, 864200 + i + :v], ARRAY[[753190 + :v, 2], [3, 753190 + i]],
	jsonb_build_object('k', 'narwhalkey' || :v || i, 'n', 642086 + :v, 'deep', jsonb_build_object('x', jsonb_build_array('pangolin' || :v))), json_build_object('r', 'axolotl' || :v || i),
	('<d><v a="ibexattr' || :v || '">okapixml' || :v || i || '</v></d>')::xml, to_tsvector('simple', 'tapirlex' || :v || i), daterange(date '1954-11-02' + :v, date '1961-12-03' + i + :v),
	(B'1010111100001101' || repeat('1', :v)::varbit)::varbit, point(31337.5 + :v, 27182.25 + i), 'Wombat' || repeat('z', :v) || (CASE :v WHEN 1 THEN i ELSE 7 - i END) || CASE WHEN (i + :v) % 2 = 0 THEN 'B' ELSE 'a' END,
	480000 + :v * 100 + CASE :v WHEN 1 THEN i ELSE 14 - 2 * i END, 'mandrill' || :v || i, i % (:v + 1) = 0, ext.hstore('hk' || :v, 'dugonghs' || :v || i), 'Lorikeet' || :v || i, ('Numbat' || :v || '.leaf' || i)::ext.ltree
FROM generate_series(1, 6) i;
INSERT INTO app.people (id, name, team, active, grp, secret, pin, ssn) VALUES (7, 'Pat7', 1, true, 7, CASE :v WHEN 1 THEN 'Wombatz1B' ELSE 'Wombatzz9' END, 480300 + :v, '617283' || :v || '0-77');
INSERT INTO app.orders SELECT i, 1 + i % 6, 'item' || i, i * 3, 'ref' || i FROM generate_series(1, 12) i;
INSERT INTO app.keyed SELECT i, 'Key' || i, 'hoatzinkey' || i, 1357924680 + i, ('beefcafe-1dea-4bad-8bad-00000000000' || i)::uuid FROM generate_series(1, 3) i;
INSERT INTO app.notes SELECT i, i, 'title' || i, 'call me at quorvexnote' || :v || i || '@mail.example.org or use 4111 1111 1111 1111 today',
	jsonb_build_object('c', 'ssn 617-28-30' || :v || i, 'mail', 'quorvexjson' || :v || '@mail.example.org') FROM generate_series(1, 3) i;
INSERT INTO app.notes VALUES (4, 4, 'spelt', 'card 4111-1111-1111-1111, 4111.1111.1111.1111, ４１１１ １１１１ １１１１ １１１１, 411111​1111111111 and ssn 617-28-300' || :v, NULL);
INSERT INTO app.audit (at, line) SELECT '2024-01-01', 'auditbird' || :v || i FROM generate_series(1, 2) i;
INSERT INTO app.events SELECT i, 'kindbird' || :v || i, 'notebird' || :v || i FROM generate_series(1, 6) i;
INSERT INTO app.base VALUES (1, 'basebird' || :v); INSERT INTO app.sub VALUES (2, 'bodybird' || :v, 'extrabird' || :v);
INSERT INTO app.blind SELECT i, 'blindbird' || :v || i, jsonb_build_object('k' || :v, 'blindkey' || :v || i) FROM generate_series(1, 3) i;
INSERT INTO app.one VALUES ('onebird' || :v); INSERT INTO app.same VALUES ('samebird' || :v, 1);
INSERT INTO app.typed VALUES ('typedbird' || :v, 'z');
INSERT INTO app.holder SELECT id, p, ARRAY[p] FROM app.people p WHERE id < 3;
INSERT INTO "Odd Schema"."Pätient" VALUES (1, 'mixedbird' || :v, 'unibird' || :v, 'quotebird' || :v, 'keybird' || :v);
INSERT INTO other.people VALUES (1, 'x', 'pub', 'pub'), (2, 'y', 'pub', 'pub');
INSERT INTO public.box (line, n, j) VALUES ('opened', 1, '{}'), ('closed', 2, '{"a": 1}');
INSERT INTO mine.cust SELECT i, 'Cust' || i, '617283' || :v || i || '-88', 480000 + :v * 10 + i * (3 - :v) % 2, 'Wombatmine' || :v || CASE WHEN :v = 1 THEN i % 2 ELSE i END, '4929 1173 ' || :v || i FROM generate_series(1, 4) i;
INSERT INTO mine.child VALUES (1, '61728300-88');
INSERT INTO app.shy SELECT i, 'row' || i FROM generate_series(1, 5) i;
SELECT current_setting('server_version_num')::int >= 140000 AS pg14 \gset
\if :pg14
INSERT INTO app.multi VALUES (1, ('{[1954-11-0' || :v || ',1961-12-03)}')::datemultirange);
\else
INSERT INTO app.multi VALUES (1, ('[1954-11-0' || :v || ',1961-12-03)')::daterange);
\endif
REFRESH MATERIALIZED VIEW app.mv;

-- Copies of values where no column is: a large object, a file of the server, the catalogue, another connection.
SELECT lo_from_bytea(424242, convert_to('Wombatlarge' || :v || ' object', 'UTF8'));
GRANT SELECT ON LARGE OBJECT 424242 TO pgveil_agent;
SELECT format('COPY app.people (id, secret, ssn) TO %L', current_setting('data_directory') || '/leak_' || :v || '.txt') \gexec
SELECT format('CREATE SERVER loop FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host %L, port %L, dbname %L)', host(inet_server_addr()), inet_server_port(), current_database()) \gexec
CREATE USER MAPPING FOR PUBLIC SERVER loop OPTIONS (user 'fdwuser', password 'fdw');
GRANT USAGE ON FOREIGN SERVER loop TO pgveil_agent;
CREATE SCHEMA far; GRANT USAGE, CREATE ON SCHEMA far TO pgveil_agent;
IMPORT FOREIGN SCHEMA app LIMIT TO (people, notes) FROM SERVER loop INTO far;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw; GRANT USAGE ON FOREIGN SERVER files TO pgveil_agent;
SELECT format('CREATE FOREIGN TABLE far.dump (id int, secret text, ssn text) SERVER files OPTIONS (filename %L)', current_setting('data_directory') || '/leak_' || :v || '.txt') \gexec
GRANT ALL ON ALL TABLES IN SCHEMA far TO pgveil_agent;
-- The catalogue's own copies of values.
SELECT format('CREATE TABLE app.regions_a PARTITION OF app.regions FOR VALUES IN (%L)', 'regionbird' || :v) \gexec
SELECT format('COMMENT ON COLUMN app.people.secret IS %L', 'like Wombatcomment' || :v) \gexec
SELECT format('ALTER TABLE app.people ADD CONSTRAINT never CHECK (secret <> %L)', 'Wombatcheck' || :v) \gexec
SELECT format('ALTER TABLE app.people ALTER secret SET DEFAULT %L', 'Wombatdefault' || :v) \gexec
SELECT format('CREATE INDEX people_one ON app.people (id) WHERE secret = %L', 'Wombatindex' || :v) \gexec
SELECT format('CREATE VIEW app.v_const AS SELECT id FROM app.people WHERE secret = %L', 'Wombatview' || :v) \gexec
SELECT format('CREATE FUNCTION app.is_one(text) RETURNS bool LANGUAGE sql AS %L', 'SELECT $1 = ''Wombatbody' || :v || '''') \gexec
SELECT format('CREATE POLICY one ON app.people USING (secret <> %L)', 'Wombatpolicy' || :v) \gexec
GRANT ALL ON ALL TABLES IN SCHEMA app TO pgveil_agent; GRANT SELECT ON ALL TABLES IN SCHEMA app TO fdwuser;
CREATE INDEX people_part ON app.people (team) WHERE pin > 480000;
ANALYZE;
