CREATE TABLE public.patients (id integer PRIMARY KEY, name text, ssn text, email text, born date, visits integer);
CREATE TABLE public.visits (id integer PRIMARY KEY, patient integer REFERENCES public.patients (id), note text);
CREATE VIEW public.codes AS SELECT id, ssn AS code FROM public.patients;
