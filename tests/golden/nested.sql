-- SPDX-License-Identifier: MIT
-- The columns that tests/golden/nested.txt speaks of. The unit test reads this as a schema text, the integration test has the
-- server run it.
CREATE SCHEMA made;

CREATE TYPE made.mood AS ENUM ('sad', 'ok', 'very happy', 'NULL', 'a,b "c"', '');
CREATE DOMAIN made.code AS varchar(4);
CREATE DOMAIN made.inner_code AS made.code;
CREATE DOMAIN made.codes AS made.code[];
CREATE DOMAIN made.price AS numeric(8, 2);
CREATE TYPE made.address AS (street text, zip made.code, floor int, built date);
CREATE TYPE made.person AS (name text, home made.address, tags text[], feeling made.mood, since daterange, place point);
CREATE TYPE made.single AS (one text);
CREATE TYPE made.places AS (place point, way path);
CREATE TYPE made.temps AS RANGE (subtype = float8);
CREATE TYPE made.words AS RANGE (subtype = text);
CREATE DOMAIN made.home AS made.address;
CREATE TYPE made.deep AS (people made.person[], codes made.codes, home made.home);
CREATE TABLE made.row_type (a int, b text);

CREATE TABLE made.thing (
	texts     text[],
	short     varchar(3)[],
	fixed     char(3)[],
	names     name[],
	ints      int[],
	smalls    int2[],
	bigs      int8[],
	nums      numeric[],
	money     numeric(6, 2)[],
	bools     bool[],
	dates     date[],
	stamps    timestamp[],
	uuids     uuid[],
	points    point[],
	boxes     box[],
	code      made.code,
	inner_    made.inner_code,
	codes     made.codes,
	code_list made.code[],
	prices    made.price[],
	mood      made.mood,
	moods     made.mood[],
	addr      made.address,
	home      made.home,
	addrs     made.address[],
	homes     made.home[],
	person    made.person,
	people    made.person[],
	single    made.single,
	places    made.places,
	deep      made.deep,
	tablerow  made.row_type,
	r_int     int4range,
	r_big     int8range,
	r_num     numrange,
	r_date    daterange,
	r_ts      tsrange,
	r_tz      tstzrange,
	r_temp    made.temps,
	r_word    made.words,
	r_dates   daterange[],
	m_int     int4multirange,
	m_date    datemultirange,
	m_temp    made.temps_multirange
);
