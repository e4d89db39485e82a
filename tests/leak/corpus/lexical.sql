-- The same statement in other letters; and texts that two parsers could read as different statements.

--# value spelling
SeLeCt SeCrEt FrOm ApP.pEoPlE
SELECT/**/secret/**/FROM/**/app.people
SELECT /* /* nested */ -- */ secret FROM app.people
SELECT -- comment
  secret FROM app.people
SELECT	secret	FROM	app . people
SELECT p . secret FROM app.people p
SELECT secret FROM app.people;
;;SELECT secret FROM app.people
SELECT "secret"FROM app.people
SELECT(secret)FROM app.people
SELECT((secret))FROM(SELECT*FROM app.people)x
(SELECT secret FROM app.people)
((SELECT secret FROM app.people) LIMIT 3)
SELECT U&"\0073ecret" FROM app.people
SELECT U&"\+000073ecret" FROM app.people
SELECT U&"#0073ecret" UESCAPE '#' FROM app.people
SELECT 1 AS a, secret"b" FROM app.people
SELECT secret"from" FROM app.people
SELECT $$a$$ || secret FROM app.people
SELECT $x$ '$x$ || secret || $x$ ' $x$ FROM app.people
SELECT $é$ a $é$ || secret FROM app.people
SELECT 'a'
  'b' || secret FROM app.people
SELECT E'\'' || secret FROM app.people
SELECT E'\\' || secret || ' -- ' FROM app.people
SELECT '\' || secret || '\' FROM app.people
SELECT B'101'::text || secret FROM app.people
SELECT X'1F'::text || secret FROM app.people
SELECT N'a' || secret FROM app.people
SELECT secret --''
  FROM app.people
SELECT secret FROM app.people -- WHERE false
SELECT secret FROM app.people /* WHERE false */ WHERE true
SELECT 1.e0, secret FROM app.people
SELECT secret FROM app.people WHERE id<-1 OR id>0
SELECT secret FROM app.people WHERE id=+1
SELECT 1; SELECT secret FROM app.people
SELECT secret FROM app.people OFFSET 0 ROWS FETCH FIRST 3 ROWS ONLY
--# value strings that are read in two ways
SET standard_conforming_strings = off ;; SELECT '\'' || secret || ' /* ' FROM app.people -- */ '
SET standard_conforming_strings = off ;; SELECT 'a\'' || (SELECT max(secret) FROM app.people) || ''' -- '
SELECT set_config('standard_conforming_strings', 'off', false) ;; SELECT '\'' || secret || ' ' FROM app.people -- '
BEGIN ;; SET LOCAL standard_conforming_strings = off ;; SELECT '\'' || secret || ' ' FROM app.people -- '
>Q SET standard_conforming_strings = off ;; >Q SELECT '\'' || secret || ' ' FROM app.people -- '
>Q SET standard_conforming_strings = off; SELECT 1 ;; >Q SELECT '\'' || secret || ' ' FROM app.people -- '
>P - SET standard_conforming_strings = off ;; >B - - t ;; >E - ;; >P - SELECT '\'' || secret || ' ' FROM app.people -- ' ;; >B - - t ;; >E -
DO $$ BEGIN PERFORM set_config('standard_conforming_strings', 'off', false); END $$ ;; SELECT '\'' || secret || ' ' FROM app.people -- '
UPDATE pg_settings SET setting = 'off' WHERE name = 'standard_conforming_strings' ;; SELECT '\'' || secret || ' ' FROM app.people -- '
SET standard_conforming_strings TO DEFAULT ;; SELECT secret || '' FROM app.people
--@ startup:standard_conforming_strings=off
SELECT '\'' || secret || ' ' FROM app.people -- '
--@ startup:options=-cstandard_conforming_strings=off
SELECT '\'' || secret || ' ' FROM app.people -- '
--@ startup:options=--standard-conforming-strings=off
SELECT '\'' || secret || ' ' FROM app.people -- '
