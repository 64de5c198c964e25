-- check: select exists (select from pg_collation where collname = 'und-x-icu')
-- older release: a name that differs only in case from one that is there is neither found by it nor made
set local check_function_bodies = off;

create or replace function name_key(name text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
AS $function$
select case when octet_length(k.key) <= 1000 then k.key else left(k.key, 100) || hashtextextended(k.key, 0) end
from (
    select normalize(
        replace(lower(upper(btrim(regexp_replace(
            normalize(regexp_replace(
                normalize(name, nfkc),
                '[\u0001-\u0008\u000e-\u001f\u007f-\u0084\u0086-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f'
                    || '\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb'
                    || '\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]',
                '', 'g'
            ), nfkc),
            '[\u0009-\u000d\u0020\u0085\u1680\u2028\u2029\u2800]+', ' ', 'g'
        )) collate "und-x-icu")), 'ς', 'σ'),
        nfkc
    ) as key
) k
$function$;

-- Of those that have one key by now the oldest keeps its name, and the others get a number: `Café (2)`.
do $$
declare
    named record;
    twin record;
    suffix text;
    renamed bigint;
begin
    for named in
        select * from (values
            ('categories', $q$kind::text || coalesce(parent_id::text, '')$q$, 100, ''),
            ('tags', $q$''$q$, 100, ''),
            ('payees', $q$''$q$, 200, $q$, search = ''$q$)
        ) l (name, siblings, longest, also)
    loop
        execute format(
            'create temporary table names on commit drop as '
            'select user_id, %s as beside, id, name, name_key(name) as key from %I',
            named.siblings, named.name
        );
        create index names_by_key on names (user_id, beside, key);
        analyze names;
        renamed := 0;
        for twin in
            select n.*
            from (select *, row_number() over (partition by user_id, beside, key order by id) as place from names) n
            where n.place > 1
            order by n.user_id, n.id
        loop
            for number in 2..1000000 loop
                suffix := format(' (%s)', number);
                suffix := left(twin.name, named.longest - char_length(suffix)) || suffix;
                exit when not exists (
                    select from names n
                    where n.user_id = twin.user_id and n.beside = twin.beside and n.key = name_key(suffix)
                );
            end loop;
            execute format('update %I set name = $1, updated_at = now()%s where user_id = $2 and id = $3', named.name, named.also)
            using suffix, twin.user_id, twin.id;
            update names set name = suffix, key = name_key(suffix) where user_id = twin.user_id and id = twin.id;
            renamed := renamed + 1;
        end loop;
        raise notice '% of % had the name of another but for case or what is not seen, and got a number', renamed, named.name;
        drop table names;
    end loop;
end
$$;
