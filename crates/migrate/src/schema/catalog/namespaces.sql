select
    'schema' as kind,
    name,
    null as parent_kind,
    null as parent,
    name as address,
    name as ident,
    0 as position,
    '{}'::jsonb as properties,
    '{}'::jsonb as pretty,
    'pg_namespace'::regclass::oid as class,
    oid as object,
    0 as part
from namespace

union all

select
    'extension',
    quote_ident(extname),
    null,
    null,
    quote_ident(extname),
    quote_ident(extname),
    0,
    jsonb_build_object('version', extversion, 'schema', quote_ident(n.nspname)),
    '{}',
    'pg_extension'::regclass,
    e.oid,
    0
from pg_extension e
join pg_namespace n on n.oid = e.extnamespace
where ('pg_extension'::regclass, e.oid) not in (select classid, objid from member)
