-- Each type taken apart, out of the table of its mask.

--# value parts of types
SELECT array_dims(tags), tags[1] FROM app.people
SELECT tags[1:1], tags[:2] FROM app.people
SELECT nums[1], nums[2] FROM app.people
SELECT grid[1][1], grid[2][2], grid[1:2][1:1] FROM app.people
SELECT unnest(tags), unnest(nums) FROM app.people
SELECT u FROM app.people, unnest(tags, nums) AS u (a, b)
SELECT u.* FROM app.people, unnest(grid) WITH ORDINALITY u
SELECT array_to_string(tags, ','), array_append(tags, 'x'), array_cat(tags, tags), tags || 'x'::text FROM app.people
--@ pg>=14
SELECT array_remove(tags, 'x'), array_replace(tags, 'x', 'y'), trim_array(tags, 0) FROM app.people
SELECT lower(period), upper(period), period * daterange('1900-01-01', '2000-01-01') FROM app.people
SELECT period + period, range_merge(period, period), upper(period) - 1 FROM app.people
SELECT extract(year FROM born), born::text, to_char(born, 'DD.MM.YYYY'), born - 0 FROM app.people
SELECT abbrev(ip), host(ip), netmask(ip), broadcast(ip) FROM app.people
SELECT encode(blob, 'hex'), substr(blob, 1), md5(blob) FROM app.people
SELECT dev::text, replace(dev::text, '-', '') FROM app.people
SELECT pos[0], pos[1], point(pos) FROM app.people
SELECT bits::text, substring(bits FROM 1), bits || B'1' FROM app.people
SELECT ts_rank(tsv, 'a'), tsv::text FROM app.people
SELECT lexeme FROM app.people, unnest(tsv)
SELECT h::text, h OPERATOR(ext.->) 'hk1', ext.avals(h), ext.hstore_to_array(h) FROM app.people
SELECT e.* FROM app.people, ext.each(h) e
SELECT ext.svals(h), ext.skeys(h) FROM app.people
SELECT ci || '', ci::text, ext.replace(ci, 'a', 'a') FROM app.people
SELECT path::text, ext.subpath(path, 0), ext.ltree2text(path) FROM app.people
SELECT fee::text, fee::numeric, fee * 2 / 2 FROM app.people
SELECT extract(day FROM span), span::text, span * 1 FROM app.people
SELECT (spot).door, (spot).home, ((spot).home).street FROM app.people
SELECT nick, nick || '' FROM app.people
SELECT mac::text, macaddr8(mac)::text FROM app.people
SELECT spans::text FROM app.multi
SELECT spans FROM app.multi
SELECT (home).zip, (home).street || '' FROM app.people
SELECT at::text, date '2000-01-01' + at, secret FROM app.people
SELECT ratio::text, ratio::numeric, (ratio * 10)::bigint / 10.0 FROM app.people
SELECT small::text, small + 0 FROM app.people
--@ pg>=14
SELECT unnest(spans) FROM app.multi
--@ pg>=14
SELECT lower(spans), upper(spans), range_merge(spans) FROM app.multi
--@ pg>=16
SELECT array_shuffle(tags), array_sample(tags, 1) FROM app.people
--# value fields set apart
SELECT home.street FROM (SELECT (home).* FROM app.people) AS home
SELECT (x).f1, (x).f2 FROM (SELECT ROW(secret, ssn) AS x FROM app.people) t
SELECT (ROW(secret)).f1 FROM app.people
SELECT (CASE WHEN true THEN home END).street FROM app.people
SELECT (COALESCE(home, home)).street FROM app.people
SELECT (ARRAY[home])[1].street FROM app.people
SELECT (((ARRAY[p])[1]).home).street FROM app.people p
SELECT (max(home::text)) FROM app.people
SELECT a.street FROM app.people, LATERAL (SELECT (home).street) a
SELECT (jsonb_populate_record(home, '{}')).street FROM app.people
SELECT jsonb_populate_record(home, '{"zip": "1"}') FROM app.people
SELECT (ext.populate_record(home, 'zip=>1')).street FROM app.people
SELECT home IS DISTINCT FROM NULL, home FROM app.people
SELECT (app.ident(home)).street FROM app.people
