CREATE TABLE public.people (id integer PRIMARY KEY, dept text, ssn text, email text, phone text, pin integer, born date,
	salary numeric(10,2), bonus double precision, grade integer, vip boolean, tags text[]);
CREATE TABLE public.orders (id integer PRIMARY KEY, person integer, item text, price integer, email text);
CREATE TABLE public.events (id integer, day date, email text, salary integer) PARTITION BY RANGE (day);
CREATE TABLE public.events_old PARTITION OF public.events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE public.events_new PARTITION OF public.events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE public.accounts (id integer PRIMARY KEY, login text UNIQUE, handle text UNIQUE, note text);
CREATE VIEW public.contacts AS SELECT id, email AS mail, phone, ssn FROM public.people;
CREATE VIEW public.adults AS SELECT id, email FROM public.people WHERE born < '2000-01-01';
CREATE VIEW public.found AS SELECT id FROM public.people WHERE email = 'a';
CREATE VIEW public.pay AS SELECT dept, avg(salary) AS mean FROM public.people GROUP BY dept HAVING count(salary) >= 5;
CREATE VIEW public.pay_small AS SELECT dept, avg(salary) AS mean FROM public.people GROUP BY dept;
