-- A cast is an expression. One that can fail is a question too.

--# value casts
SELECT secret::text FROM app.people
SELECT secret::varchar FROM app.people
SELECT secret::varchar(7) FROM app.people
SELECT secret::char(40) FROM app.people
SELECT secret::name FROM app.people
SELECT secret::bytea FROM app.people
SELECT secret::ext.citext FROM app.people
SELECT CAST(secret AS text) FROM app.people
SELECT CAST(ssn AS varchar(8)) FROM app.people
SELECT text(secret) FROM app.people
SELECT text 'a' || secret FROM app.people
SELECT secret::app.code FROM app.people
SELECT nick::text, nick::app.code, nick::varchar FROM app.people
SELECT pin::text, pin::numeric, pin::float8, pin::bigint, pin::money, pin::oid, pin::regclass FROM app.people
SELECT visits::bit(32)::bigint FROM app.people
SELECT balance::int, balance::text, balance::float8, balance::money FROM app.people
SELECT born::text, born::timestamp, born::timestamptz FROM app.people
SELECT born::date::text, seen::text, seen::time, seen AT TIME ZONE 'UTC' FROM app.people
SELECT dev::text, ip::text, mac::text, ip::cidr, mac::macaddr8 FROM app.people
SELECT mood::text, home::text, spot::text, tags::text, nums::text, nums::numeric[], secret FROM app.people
SELECT meta::text, raw::text, meta::json, raw::jsonb, doc::text FROM app.people
SELECT home::app.address, ROW(secret, ssn)::app.address FROM app.people
SELECT tags::varchar[], ARRAY[secret]::text[] FROM app.people
SELECT secret::xml, ('<a>' || secret || '</a>')::xml FROM app.people
SELECT ('{"a":"' || secret || '"}')::json FROM app.people
SELECT to_jsonb(secret)::text FROM app.people
SELECT (secret::text)::varchar::text FROM app.people
SELECT secret::text COLLATE "C"::text FROM app.people
SELECT ssn::ext.citext::text, ci::text, h::text, path::text FROM app.people
SELECT secret::tsvector::text FROM app.people
SELECT secret::tsquery::text FROM app.people
SELECT secret::ext.ltree FROM app.people
SELECT (1, secret)::text FROM app.people
SELECT period::text, bits::text, pos::text, tsv::text FROM app.people
SELECT (2::app.address)
SELECT (2::app.address).street
SELECT CAST(2 AS app.address)
SELECT 2::app.address::text
SELECT secret::regclass FROM app.people
SELECT secret::int FROM app.people
SELECT secret::date FROM app.people
SELECT secret::bool FROM app.people
SELECT secret::json FROM app.people
SELECT secret::uuid FROM app.people
SELECT secret::inet FROM app.people
SELECT secret::app.mood FROM app.people
SELECT tags::int[] FROM app.people
--# oracle casts that fail where the value is another
SELECT pin::bit(32) FROM app.people
SELECT id, pin::smallint FROM app.people WHERE id = 1 AND pin % 2 = 1
SELECT (pin % 2)::bool FROM app.people WHERE id = 1
SELECT (pin / 480150)::text::app.short, (pin % 480150)::text::app.short FROM app.people WHERE id = 6
SELECT CASE WHEN pin = 480101 THEN 'x' ELSE '1' END::int FROM app.people WHERE id = 1
SELECT ((480150 - pin) * 4)::app.digits FROM app.people WHERE id = 6
