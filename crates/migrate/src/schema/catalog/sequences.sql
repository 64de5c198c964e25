select
    'sequence' as kind,
    n.name || '.' || quote_ident(c.relname) as name,
    null as parent_kind,
    null as parent,
    c.oid::regclass::text as address,
    quote_ident(c.relname) as ident,
    0 as position,
    jsonb_build_object(
        'type', format_type(q.seqtypid, null),
        'start', q.seqstart,
        'increment', q.seqincrement,
        'minimum', q.seqmin,
        'maximum', q.seqmax,
        'cache', q.seqcache,
        'cycle', q.seqcycle,
        'unlogged', c.relpersistence = 'u'
    ) as properties,
    '{}'::jsonb as pretty,
    'pg_class'::regclass::oid as class,
    c.oid as object,
    0 as part
from pg_sequence q
join pg_class c on c.oid = q.seqrelid
join namespace n on n.oid = c.relnamespace
where ('pg_class'::regclass, c.oid) not in (select classid, objid from member)
    -- changed: and c.oid = any (array(select object from candidate where class = 'pg_class'::regclass))
    and not exists (
        select
        from pg_depend
        where classid = 'pg_class'::regclass and objid = c.oid and deptype = 'i' and refclassid = 'pg_class'::regclass
    )

union all

select
    'sequence ownership',
    n.name || '.' || quote_ident(c.relname),
    'sequence',
    n.name || '.' || quote_ident(c.relname),
    c.oid::regclass::text,
    quote_ident(c.relname),
    0,
    jsonb_build_object('column', d.refobjid::regclass || '.' || quote_ident(a.attname)),
    '{}',
    'pg_depend'::regclass,
    c.oid,
    0
from pg_depend d
join pg_class c on c.oid = d.objid and c.relkind = 'S'
join namespace n on n.oid = c.relnamespace
join relation r on r.oid = d.refobjid
join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype = 'a'
    and ('pg_class'::regclass, c.oid) not in (select classid, objid from member)
    -- changed: and c.oid = any (array(select object from candidate where class = 'pg_class'::regclass))
