-- One column of each scalar type, for test_types.py: two rows of values that must not be seen.
CREATE TABLE public.typed (_id integer PRIMARY KEY, b boolean, i2 smallint, i4 integer, i8 bigint, n numeric(10,2), f4 real, f8 double precision,
	m money, t text, v varchar(10), c char(6), d date, tm time, tz timetz, ts timestamp, tsz timestamptz, iv interval, u uuid, by bytea,
	j json, jb jsonb, x xml, ip inet, net cidr, ma macaddr, m8 macaddr8, bt bit(4), vb varbit(9), p point, o oid);
INSERT INTO public.typed VALUES
	(1, true, 777, 77777, 7777777777, 777.77, 7.5, 7.25, 777.77::numeric, 'secret', 'secret', 'secret', '1984-03-09', '10:11:12', '10:11:12+01',
	'1984-03-09 10:11:12', '1984-03-09 10:11:12+00', '7 days 07:07:07', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '\x736563726574', '{"k": "secret", "n": 7}',
	'{"k": "secret", "n": 7}', '<k>secret</k>', '192.0.2.77', '192.0.2.0/24', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', B'1010', B'101010', '(7,7)', 777),
	(2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
	NULL, NULL, NULL, NULL);
CREATE TABLE public.hashed AS SELECT * FROM public.typed;
