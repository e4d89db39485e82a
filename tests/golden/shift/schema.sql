CREATE TABLE public.persons (id integer PRIMARY KEY, code text UNIQUE, name text);
CREATE TABLE public.stays (id serial PRIMARY KEY, person integer REFERENCES public.persons (id) ON UPDATE CASCADE, admitted date,
	seen timestamptz, left_at timestamp, ward integer, note text);
CREATE TABLE public.long_stays () INHERITS (public.stays);
CREATE VIEW public.recent AS SELECT person, admitted FROM public.stays;
CREATE TABLE public.visits (id integer, person integer, day date) PARTITION BY LIST (id);
CREATE TABLE public.visits_1 PARTITION OF public.visits FOR VALUES IN (1);
CREATE TABLE public.other (person integer, admitted date);
