-- The column itself, by every way to say so. What must stop it: lineage by the catalogue, never by a name in the output.

--# value the column of a type
SELECT ssn FROM app.people
SELECT email FROM app.people
SELECT phone, card FROM app.people
SELECT balance FROM app.people
SELECT visits, big FROM app.people
SELECT small, ratio FROM app.people
SELECT fee FROM app.people
SELECT born FROM app.people
SELECT dev, blob FROM app.people
SELECT ip, mac FROM app.people
SELECT home, spot FROM app.people
SELECT tags, nums, grid FROM app.people
SELECT meta, raw FROM app.people
SELECT doc, tsv FROM app.people
SELECT period, bits, pos FROM app.people
SELECT secret, pin, nick FROM app.people
SELECT h, ci, path FROM app.people
SELECT gen FROM app.people
SELECT * FROM app.people
TABLE app.people
SELECT p.* FROM app.people p
SELECT people.* FROM app.people
SELECT app.people.* FROM app.people
SELECT ALL secret FROM app.people
SELECT id, *, name FROM app.people
