-- SPDX-License-Identifier: MIT
-- For test_masks.py: columns that detect, number, date and regex are for. What must not be seen is in test_masks.py.
CREATE SCHEMA desk;

CREATE TABLE desk.ticket (
	id      int PRIMARY KEY,
	clear   text,
	-- masked from here on
	subject varchar(40),
	body    text,
	card    bigint,
	ssn     text,
	phone   text,
	salary  numeric(12, 2),
	bonus   int,
	born    date,
	opened  timestamptz,
	amount  float8 DEFAULT 4929117300640002
);

INSERT INTO desk.ticket VALUES
	(1, 'as it is', 'charge 4929 1173 0064 0002', E'Please use 4929-1173-0064-0002,\nnot quorvex.1@mail.example.org. Call +44 20 7946 0958.',
	 4929117300640010, '617-28-3001', '+44 20 7946 0958', 82736.45, 54321, '1931-08-17', '1987-03-29 04:05:06.789+00'),
	(2, 'as it is', 'zero width', U&'4929\200B1173\00AD0064\20600002 or \FF14\FF19\FF12\FF19 1173 0064 0002',
	 4929117300640010, '617283002', 'ask at the desk', -82736.45, -54321, '2024-02-29', 'infinity'),
	(3, 'as it is', 'nothing here', 'order 20241125-000017, ref 41111111-1111-4111-8111-111111111111', 42, '', '', 'NaN', 0, 'infinity', '2024-12-31 23:59:59.999999+00'),
	(4, 'as it is', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	(5, 'as it is', 'of: a@b.co a@b.co a@b.co a@b.co a@b.co', repeat('x ', 80000) || '4929 1173 0064 0002', 0, 'SSN 617-28-3001', '+1 2', 500, 2147483647,
	 '0044-03-15 BC', '2024-03-03 12:00:00+00');

CREATE TABLE desk.stay (id serial PRIMARY KEY, patient int, came date, seen timestamptz, went timestamp, note text);
INSERT INTO desk.stay (patient, came, seen, went) VALUES
	(7, '1931-08-17', '1987-03-29 04:05:06.789+00', '1987-04-02 12:00:00'),
	(7, '1931-08-20', 'infinity', NULL),
	(8, '1931-08-17', '1987-03-29 04:05:06.789+00', '1987-04-02 12:00:00'),
	(NULL, '1931-08-17', '1987-03-29 04:05:06.789+00', '1987-04-02 12:00:00');

CREATE VIEW desk.queue AS SELECT t.id, t.body AS what FROM desk.ticket t;
