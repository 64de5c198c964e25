select
    case t.typtype when 'e' then 'enum' when 'd' then 'domain' when 'r' then 'range type' else 'composite type' end as kind,
    n.name || '.' || quote_ident(t.typname) as name,
    null as parent_kind,
    null as parent,
    format_type(t.oid, null) as address,
    quote_ident(t.typname) as ident,
    0 as position,
    case t.typtype
        when 'e' then jsonb_build_object(
            'values',
            (select coalesce(jsonb_agg(quote_literal(enumlabel) order by enumsortorder), '[]') from pg_enum where enumtypid = t.oid)
        )
        when 'd' then jsonb_build_object(
            'type', format_type(t.typbasetype, t.typtypmod),
            'collation', (
                select c.oid::regcollation::text
                from pg_collation c
                join pg_type b on b.oid = t.typbasetype
                where c.oid = t.typcollation and t.typcollation <> b.typcollation
            ),
            'default', case when t.typdefaultbin is null then t.typdefault else pg_get_expr(t.typdefaultbin, 0) end,
            'not null', t.typnotnull
        )
        when 'r' then (
            select jsonb_build_object(
                'subtype', format_type(rngsubtype, null),
                'collation', nullif(rngcollation, 0)::regcollation::text,
                'canonical', nullif(rngcanonical::oid, 0)::regprocedure::text,
                'difference', nullif(rngsubdiff::oid, 0)::regprocedure::text
            )
            from pg_range
            where rngtypid = t.oid
        )
        else jsonb_build_object(
            'attributes',
            (
                select coalesce(jsonb_agg(format('%I %s', attname, format_type(atttypid, atttypmod)) order by attnum), '[]')
                from pg_attribute
                where attrelid = t.typrelid and attnum > 0 and not attisdropped
            )
        )
    end as properties,
    '{}'::jsonb as pretty,
    'pg_type'::regclass::oid as class,
    t.oid as object,
    0 as part
from pg_type t
join namespace n on n.oid = t.typnamespace
left join pg_class c on c.oid = t.typrelid
where (t.typtype in ('e', 'd', 'r') or (t.typtype = 'c' and c.relkind = 'c'))
    and ('pg_type'::regclass, t.oid) not in (select classid, objid from member)
    -- changed: and t.oid = any (array(select object from candidate where class = 'pg_type'::regclass))

union all

select
    'domain constraint',
    n.name || '.' || quote_ident(t.typname) || '.' || quote_ident(c.conname),
    'domain',
    n.name || '.' || quote_ident(t.typname),
    format_type(t.oid, null),
    quote_ident(c.conname),
    0,
    jsonb_build_object('definition', pg_get_constraintdef(c.oid)),
    jsonb_build_object('definition', pg_get_constraintdef(c.oid, true)),
    'pg_constraint'::regclass,
    c.oid,
    0
from pg_constraint c
join pg_type t on t.oid = c.contypid
join namespace n on n.oid = t.typnamespace
where c.contype = 'c'
    and ('pg_type'::regclass, t.oid) not in (select classid, objid from member)
    -- changed: and t.oid = any (array(select object from candidate where class = 'pg_type'::regclass))
