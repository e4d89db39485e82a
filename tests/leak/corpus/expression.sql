-- Anything computed from a masked column is masked.

--# value operators and functions
SELECT secret || '' FROM app.people
SELECT '' || secret FROM app.people
SELECT concat(secret) FROM app.people
SELECT concat_ws('-', name, secret) FROM app.people
SELECT format('%s', secret) FROM app.people
SELECT format('%1$s%1$s', secret) FROM app.people
SELECT upper(secret), lower(secret), initcap(secret) FROM app.people
SELECT reverse(secret) FROM app.people
SELECT substr(secret, 1, 6), substring(secret FROM 2), substring(secret FROM '.*') FROM app.people
SELECT left(secret, 6), right(secret, -1) FROM app.people
SELECT overlay(secret PLACING '' FROM 1 FOR 0) FROM app.people
SELECT trim(secret), btrim(secret, 'q'), ltrim(secret), rpad(secret, 40, '.') FROM app.people
SELECT replace(secret, '#', '$'), translate(secret, 'a', 'A') FROM app.people
SELECT regexp_replace(secret, '^', 'x') FROM app.people
SELECT regexp_match(secret, '.*') FROM app.people
SELECT regexp_matches(secret, '.', 'g') FROM app.people WHERE id = 1
SELECT regexp_split_to_table(secret, '') FROM app.people WHERE id = 1
SELECT split_part(secret, '#', 1) FROM app.people
SELECT repeat(secret, 2) FROM app.people
SELECT quote_literal(secret), quote_ident(secret), quote_nullable(secret) FROM app.people
SELECT COALESCE(secret, name) FROM app.people
SELECT COALESCE(NULL, secret) FROM app.people
SELECT NULLIF(secret, '') FROM app.people
SELECT GREATEST(secret, ''), LEAST(secret, 'zzzz') FROM app.people
SELECT CASE WHEN true THEN secret END FROM app.people
SELECT CASE id WHEN 1 THEN secret ELSE name END FROM app.people
SELECT CASE WHEN id < 0 THEN name ELSE ssn END FROM app.people
SELECT pin + 0, pin * 1, - pin, pin - 1, abs(pin), @ pin FROM app.people
SELECT balance + 0, round(balance), trunc(balance, 1) FROM app.people
SELECT visits / 1, visits % 2000000000, visits & -1, visits | 0, visits # 0, visits << 0 FROM app.people
SELECT big + 0, ratio * 1, exp(ln(pin::float8)), sqrt(pin::float8 ^ 2), |/ (pin::float8 ^ 2) FROM app.people
SELECT fee + '0'::money, fee * 1, fee::numeric FROM app.people
SELECT born + 0, born - date '1900-01-01', born + interval '0', date_trunc('day', born), extract(year FROM born) * 10000 + extract(month FROM born) * 100 + extract(day FROM born) FROM app.people
SELECT to_char(born, 'YYYY-MM-DD'), to_char(seen, 'YYYY-MM-DD HH24:MI'), age(born), date_part('epoch', seen) FROM app.people
SELECT pin BETWEEN 480200 AND 490000, to_char(pin, 'FM999999') FROM app.people
SELECT lpad(pin::text, 10, '0') FROM app.people
SELECT secret COLLATE "C" FROM app.people
SELECT (secret) FROM app.people
SELECT ROW(secret) FROM app.people
SELECT ARRAY[secret] FROM app.people
SELECT blob || ''::bytea, set_byte(blob, 0, 0), substring(blob FROM 1 FOR 12) FROM app.people
SELECT bits || B'', ~ ~ bits, bits & bits FROM app.people
SELECT pos[0], pos + point(0, 0), lseg(pos, pos), box(pos, pos), circle(pos, 1) FROM app.people
SELECT tsv::text, strip(tsv), tsvector_to_array(tsv), setweight(tsv, 'A') FROM app.people
SELECT xmlserialize(CONTENT doc AS text), xpath('/d/v/text()', doc), xpath('/d/v/@a', doc) FROM app.people
SELECT ts_headline(secret, 'zzz'::tsquery), to_tsvector('simple', secret), plainto_tsquery('simple', secret) FROM app.people
SELECT * FROM ts_parse('default', (SELECT secret FROM app.people LIMIT 1))
SELECT ts_debug('english', secret) FROM app.people LIMIT 1
SELECT * FROM app.people, unnest(to_tsvector('simple', secret))

SELECT secret IS NULL, secret IS DISTINCT FROM NULL, secret FROM app.people
SELECT ext.unaccent(secret) FROM app.people
--@ pg>=13
SELECT normalize(secret) FROM app.people
--@ pg>=14
SELECT unistr(secret) FROM app.people
SELECT string_to_array(secret, NULL) FROM app.people
SELECT array_to_string(ARRAY[secret, ssn], ',') FROM app.people
SELECT parse_ident(secret) FROM app.people
SELECT to_number(ssn, '999999999999') FROM app.people
SELECT json_build_object('a', secret)->>'a' FROM app.people
SELECT num_nulls(secret), num_nonnulls(secret), secret FROM app.people
SELECT width_bucket(pin, 480000, 490000, 10000) + 480000 FROM app.people
SELECT setseed(0), secret FROM app.people
SELECT int4range(pin, NULL), lower(int4range(pin, NULL)), numrange(balance, balance, '[]') FROM app.people
SELECT make_date(extract(year FROM born)::int, extract(month FROM born)::int, extract(day FROM born)::int) FROM app.people
SELECT secret OPERATOR(pg_catalog.||) '' FROM app.people
SELECT pg_catalog.textcat(secret, '') FROM app.people
SELECT pg_catalog.int4pl(pin, 0) FROM app.people
SELECT int4out(pin), textout(secret), textsend(secret) FROM app.people
SELECT current_setting('server_version') || secret FROM app.people
SELECT NOT vip, vip AND true, vip::int, secret FROM app.people
SELECT (SELECT secret) || (SELECT '') FROM app.people
SELECT pg_typeof(secret), secret FROM app.people
SELECT any_value FROM (SELECT secret AS any_value FROM app.people) x
SELECT secret ~~ '%', secret || name FROM app.people
SELECT app.same_text(secret, 'x'), secret OPERATOR(app.<<|) 'x' FROM app.people
--# oracle what is not the value, and tells of it
SELECT to_hex(visits), chr(ascii(secret)), ascii(secret) FROM app.people
SELECT host(ip), text(ip), ip + 0, set_masklen(ip, 24), trunc(mac) FROM app.people
SELECT ext.soundex(secret), ext.metaphone(secret, 20), ext.show_trgm(secret) FROM app.people
SELECT justify_days(span), span + interval '0', extract(epoch FROM span) / 86400 FROM app.people
SELECT length(secret), octet_length(secret), char_length(ssn), bit_length(email) FROM app.people
SELECT md5(secret), sha256(secret::bytea), hashtext(secret), ext.digest(secret, 'sha1') FROM app.people
SELECT pg_column_size(secret), pg_column_size(p) FROM app.people p
SELECT secret = 'Wombatz1B', secret > 'Wombatz3', secret ~ 'z1', secret LIKE '%zz%' FROM app.people
SELECT position('zz' IN secret), strpos(secret, '6') FROM app.people
SELECT sign(pin - 480150), pin % 2, pin = 480101, pin IN (480101, 480102) FROM app.people
SELECT secret IS DISTINCT FROM 'Wombatz1B', (secret, pin) < ('Wombatzz', 0), starts_with(secret, 'Wombatzz') FROM app.people
SELECT born > date '1931-08-20', extract(dow FROM born), isfinite(born) AND born < '1931-08-20', extract(day FROM seen), mood > 'low', vip FROM app.people
SELECT array_position(tags, 'kestrel1'), 'kestrel1' = ANY (tags), tags @> ARRAY['kestrel1'], nums && ARRAY[975311] FROM app.people
SELECT meta @> '{"n": 642087}', meta ? 'k', meta -> 'n' = '642087', meta #>> '{deep,x,0}' = 'pangolin1' FROM app.people
SELECT ip << '198.51.77.16/28', period @> date '1961-12-07', tsv @@ 'tapirlex11', pos <-> point(31337.5, 0) FROM app.people
SELECT ext.levenshtein(secret, 'Wombatz1B'), ext.similarity(secret, 'Wombatz1B'), ext.difference(secret, 'Wombatz1B') FROM app.people
SELECT CASE WHEN secret LIKE '%zz%' THEN 1 ELSE 0 END FROM app.people
SELECT CASE WHEN secret LIKE '%zz%' THEN name ELSE 'x' END FROM app.people
SELECT id FROM app.people WHERE CASE WHEN secret LIKE '%zz%' THEN true ELSE false END
SELECT 1 / (pin % 2) FROM app.people WHERE id = 1
SELECT id, (ARRAY['a', 'b'])[pin % 2 + 1] FROM app.people
SELECT id, chr(65 + pin % 26), repeat('x', pin % 7) FROM app.people
SELECT id, (SELECT n FROM public.numbers WHERE n = pin % 40) FROM app.people
SELECT id, n FROM app.people, generate_series(1, pin % 5) n
SELECT COALESCE(NULLIF(secret, 'Wombatz1B'), 'hit') = 'hit' FROM app.people
SELECT GREATEST(pin, 480150) = 480150 FROM app.people
SELECT ascii(substr(secret, 8)) FROM app.people
SELECT get_bit(secret::bytea, n + 50), get_byte(blob, 12) & 1 FROM app.people, public.numbers
