-- FunctionCall: values without SQL.

--# value function calls
>F app.ssn_of(integer) 1
>F app.ssn_plain(integer) 1
>F app.secret_definer(integer) 1
>FB app.secret_definer(integer) 1
>F app.run(text) SELECT\_max(secret)\_FROM\_app.people
>F app.say(text) x ;; >F app.ssn_of(integer) 1
>F query_to_xml(text,boolean,boolean,text) SELECT\_secret\_FROM\_app.people t f x
>F table_to_xml(regclass,boolean,boolean,text) app.people t f x
>F lo_get(oid) 424242
>F pg_read_file(text) leak_1.txt
>F pg_read_binary_file(text) leak_1.txt
>FB pg_read_binary_file(text) leak_1.txt
>Q BEGIN ;; >F lo_open(oid,integer) 424242 262144 ;; >F loread(integer,integer) 0 100
>Q BEGIN ;; >Q DECLARE c CURSOR FOR SELECT secret FROM app.people ;; >F cursor_to_xml(refcursor,integer,boolean,boolean,text) c 10 t f x
>Q BEGIN ;; >F app.cur(refcursor) z ;; >Q FETCH ALL z
>F app.peek_left(integer,integer) 1 1
>F set_config(text,text,boolean) search_path app f ;; >Q SELECT secret FROM people
>F set_config(text,text,boolean) standard_conforming_strings off f ;; >Q SELECT '\'' || secret || ' ' FROM app.people -- '
>P - SELECT 1 ;; >B - - t ;; >E - ;; >F app.secret_definer(integer) 1
--# oracle function calls
>F app.known(text) Wombatz1B
>F app.mine_or_not(integer) 1
