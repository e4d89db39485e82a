CREATE TABLE public.patients (id integer PRIMARY KEY, name text, ssn text, email text, born date, visits integer);
CREATE TABLE public.visits (id integer PRIMARY KEY, patient integer REFERENCES public.patients (id), note text);
CREATE VIEW public.codes AS SELECT id, ssn AS code FROM public.patients;

-- Constraints and code of the DBA's own: what a write through them would tell. patients itself has none of them.
CREATE FUNCTION public.known(text) RETURNS boolean LANGUAGE sql AS '';
CREATE FUNCTION public.stamp() RETURNS text LANGUAGE sql AS '';
CREATE TYPE public.mood AS ENUM ('ok', 'sad');
CREATE FUNCTION public.to_mood(integer) RETURNS public.mood LANGUAGE sql AS '';
CREATE CAST (integer AS public.mood) WITH FUNCTION public.to_mood(integer) AS ASSIGNMENT;
CREATE DOMAIN public.known_text AS text CHECK (public.known(VALUE));
CREATE TABLE public.secrets (id serial PRIMARY KEY, grp text, room integer, lim integer CHECK (lim <= pin), pin integer, factor integer,
	code text UNIQUE, note text, made timestamptz DEFAULT now(), product integer GENERATED ALWAYS AS (pin * factor) STORED,
	flag boolean GENERATED ALWAYS AS (CASE WHEN pin > 3 THEN true ELSE false END) STORED, kind text, UNIQUE (grp, pin),
	EXCLUDE USING gist (room WITH =, pin WITH <>));
CREATE UNIQUE INDEX ON public.secrets (lower(code)) WHERE kind = 'x';
CREATE TABLE public.guesses (id integer PRIMARY KEY, code text REFERENCES public.secrets (code), t public.known_text);
CREATE TABLE public.wards (id integer PRIMARY KEY, number integer UNIQUE, name text);
CREATE TABLE public.stays (id integer PRIMARY KEY, ward integer REFERENCES public.wards ON DELETE SET NULL ON UPDATE CASCADE,
	place integer REFERENCES public.wards (number) ON DELETE CASCADE, ssn text);
CREATE TABLE public.reports (stay integer REFERENCES public.stays ON DELETE CASCADE, body text);
CREATE TRIGGER t AFTER DELETE ON public.reports EXECUTE FUNCTION public.stamp();
CREATE TABLE public.owned (id integer, of_pin integer, name text);
CREATE TABLE public.pins (pin integer PRIMARY KEY);
ALTER TABLE public.owned ADD FOREIGN KEY (of_pin) REFERENCES public.pins;
CREATE TABLE public.docs (id integer PRIMARY KEY, body text);
ALTER TABLE public.docs ENABLE ROW LEVEL SECURITY;
CREATE VIEW public.docs_seen AS SELECT id FROM public.docs;
CREATE TABLE public.logged (id serial, line text DEFAULT public.stamp(), extra integer);
CREATE TABLE public.checked (id integer, v text CHECK (public.known(v)));
CREATE TABLE public.moods (id integer, m public.mood);
CREATE TABLE public.large (id integer, notes text[], note text, part text, free text);
CREATE TABLE public.orders (id serial PRIMARY KEY, patient integer NOT NULL REFERENCES public.patients (id), qty integer DEFAULT 1 CHECK (qty > 0),
	made timestamptz DEFAULT now(), total integer GENERATED ALWAYS AS (qty * 2) STORED, UNIQUE (patient, made));
