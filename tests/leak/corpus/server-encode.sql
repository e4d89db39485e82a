-- Encodings and digests by the server. An unkeyed digest of a small domain is the value.

--# value encodings
SELECT encode(secret::bytea, 'hex') FROM app.people
SELECT encode(secret::bytea, 'base64') FROM app.people
SELECT encode(secret::bytea, 'escape') FROM app.people
SELECT encode(convert_to(secret, 'UTF8'), 'hex') FROM app.people
SELECT encode(reverse(secret)::bytea, 'base64') FROM app.people
SELECT convert_to(secret, 'LATIN1') FROM app.people
SELECT convert_from(convert_to(secret, 'UTF8'), 'UTF8') FROM app.people
SELECT convert(secret::bytea, 'UTF8', 'LATIN1') FROM app.people
SELECT reverse(secret), upper(reverse(secret)) FROM app.people
SELECT quote_literal(secret), to_ascii(secret, 'LATIN1') FROM app.people
SELECT string_agg(c, '-') FROM (SELECT regexp_split_to_table(secret, '') c FROM app.people WHERE id = 1) x
SELECT regexp_replace(secret, '(.)', '\1 ', 'g') FROM app.people
SELECT regexp_replace(secret, '(.)', E'\\1\u200b', 'g') FROM app.people
SELECT string_agg(ascii(c)::text, ' ') FROM (SELECT regexp_split_to_table(secret, '') c FROM app.people WHERE id = 1) x
SELECT string_agg(to_hex(ascii(c)), '') FROM (SELECT regexp_split_to_table(secret, '') c FROM app.people WHERE id = 1) x
SELECT array_agg(get_byte(secret::bytea, n)) FROM app.people, generate_series(0, 7) n WHERE id = 1
SELECT string_agg(get_bit(secret::bytea, n)::text, '' ORDER BY n) FROM app.people, generate_series(0, 55) n WHERE id = 1
SELECT textsend(secret), byteasend(blob), int4send(visits) FROM app.people
SELECT quote_ident(secret), quote_nullable(ssn), format('%L %I', secret, ssn) FROM app.people
SELECT to_json(secret)::text, xmlelement(NAME x, secret)::text FROM app.people
SELECT ext.armor(secret::bytea) FROM app.people
SELECT ext.dearmor(ext.armor(secret::bytea)) FROM app.people
SELECT ext.pgp_sym_decrypt(ext.pgp_sym_encrypt(secret, 'k'), 'k') FROM app.people WHERE id = 1
SELECT convert_from(ext.decrypt(ext.encrypt(secret::bytea, 'kkkkkkkkkkkkkkkk', 'aes'), 'kkkkkkkkkkkkkkkk', 'aes'), 'UTF8') FROM app.people
SELECT to_char(pin, '999 999'), to_char(visits, 'FM9G999G999G999') FROM app.people
SELECT pin::text::name, pin::regtype, pin::oid FROM app.people
SELECT make_interval(secs => pin), justify_hours(make_interval(secs => pin)), to_timestamp(pin), make_time(0, 0, pin % 60), extract(epoch FROM to_timestamp(pin)) FROM app.people
SELECT date '1970-01-01' + pin % 10000, pin FROM app.people
SELECT lpad(secret, 20, '*'), rpad('', 3, secret), repeat(secret, 2) FROM app.people
SELECT substr(secret, 2) || left(secret, 1) FROM app.people
SELECT decode(encode(secret::bytea, 'base64'), 'base64') FROM app.people
SELECT translate(secret, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') FROM app.people
--# oracle digests and other images
SELECT md5(secret) FROM app.people
SELECT sha224(secret::bytea), sha256(secret::bytea), sha384(secret::bytea), sha512(secret::bytea) FROM app.people
SELECT hashtext(secret), hashtextextended(secret, 1), hashint4(pin), hash_array(tags), jsonb_hash(meta) FROM app.people
SELECT ext.digest(secret, 'sha256'), ext.hmac(secret, 'k', 'md5') FROM app.people
SELECT ext.crypt(secret, '$1$abcdefgh$') FROM app.people
SELECT ext.encrypt(secret::bytea, 'kkkkkkkkkkkkkkkk', 'aes') FROM app.people
SELECT ext.uuid_generate_v5('6ba7b810-9dad-11d1-80b4-00c04fd430c8', secret) FROM app.people
SELECT translate(secret, 'abcdefghijklmnopqrstuvwxyz0123456789', 'nopqrstuvwxyzabcdefghijklm3456789012') FROM app.people
SELECT to_hex(pin), pin::bit(32), chr(pin % 26 + 97), to_char(pin, 'FMRN'), pin / 7.0, pin ^ 0.5, ln(pin) FROM app.people
--@ pg>=14
SELECT hash_record(p.home) FROM app.people p
SELECT ext.soundex(substr(secret, 7)), ext.dmetaphone(secret) FROM app.people
SELECT pg_size_pretty(pin::bigint * pin), width_bucket(pin, 480000, 480400, 400), to_char(seen, 'MS US SSSS') FROM app.people
SELECT string_agg(CASE WHEN substr(secret, n, 1) = 'z' THEN 'x' ELSE '.' END, '') FROM app.people, generate_series(1, 12) n WHERE id = 1
SELECT encode(encode(secret::bytea, 'hex')::bytea, 'hex') FROM app.people
SELECT replace(secret, 'ombat', 'x'), translate(secret, 'Wombat', 'xpncbu') FROM app.people
--@ pg>=18
SELECT crc32(secret::bytea), crc32c(secret::bytea), reverse(secret::bytea) FROM app.people
