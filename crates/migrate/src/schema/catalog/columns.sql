select
    'column' as kind,
    r.name || '.' || quote_ident(a.attname) as name,
    r.kind as parent_kind,
    r.name as parent,
    r.address,
    quote_ident(a.attname) as ident,
    a.attnum::integer as position,
    jsonb_build_object(
        'type', format_type(a.atttypid, a.atttypmod),
        'collation', (
            select c.oid::regcollation::text
            from pg_collation c
            where c.oid = a.attcollation and a.attcollation <> t.typcollation
        ),
        'not null', a.attnotnull,
        -- Since PostgreSQL 18, not null is a constraint with a name.
        'not null name', (
            select quote_ident(conname)
            from pg_constraint
            where conrelid = r.oid and contype = 'n' and conkey = array[a.attnum]
        ),
        'not null unchecked', (
            select not convalidated
            from pg_constraint
            where conrelid = r.oid and contype = 'n' and conkey = array[a.attnum]
        ),
        'default', case when a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid) end,
        'generated', case when a.attgenerated <> '' then pg_get_expr(d.adbin, d.adrelid) end,
        'virtual', a.attgenerated = 'v',
        'identity', case a.attidentity when 'a' then 'always' when 'd' then 'by default' end,
        'sequence', (
            select jsonb_build_object(
                'name', s.oid::regclass::text,
                'start', q.seqstart,
                'increment', q.seqincrement,
                'minimum', q.seqmin,
                'maximum', q.seqmax,
                'cache', q.seqcache,
                'cycle', q.seqcycle
            )
            from pg_depend p
            join pg_class s on s.oid = p.objid and s.relkind = 'S'
            join pg_sequence q on q.seqrelid = s.oid
            where p.refclassid = 'pg_class'::regclass and p.refobjid = r.oid and p.refobjsubid = a.attnum
                and p.classid = 'pg_class'::regclass and p.deptype = 'i'
        ),
        'storage', case when a.attstorage <> t.typstorage then
            case a.attstorage when 'p' then 'plain' when 'e' then 'external' when 'm' then 'main' else 'extended' end
        end,
        'compression', case a.attcompression when 'p' then 'pglz' when 'l' then 'lz4' end,
        'statistics', nullif(a.attstattarget, -1),
        -- Only the two options that PostgreSQL knows: some builds keep marks of their own here, which differ between tables.
        'options', (select jsonb_agg(option order by option) from unnest(a.attoptions) option where option like 'n\_distinct%'),
        'inherited', not a.attislocal
    ) as properties,
    jsonb_build_object(
        'default', case when a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid, true) end,
        'generated', case when a.attgenerated <> '' then pg_get_expr(d.adbin, d.adrelid, true) end,
        -- True if the default has to be computed for each row. Built-in functions have no dependency to read that from.
        'volatile', (
            select 'yes'
            where exists (
                select
                from regexp_matches(d.adbin::text, ':(?:funcid|opfuncid) (\d+)', 'g') called
                join pg_proc p on p.oid = called[1]::oid and p.provolatile = 'v'
            )
        ),
        'usual storage', case t.typstorage when 'p' then 'plain' when 'e' then 'external' when 'm' then 'main' else 'extended' end
    ) as pretty,
    'pg_class'::regclass::oid as class,
    r.oid as object,
    a.attnum::integer as part
from relation r
join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
join pg_type t on t.oid = a.atttypid
left join pg_attrdef d on d.adrelid = r.oid and d.adnum = a.attnum
-- The columns of a partition are those of the partitioned table.
where r.relkind in ('r', 'p', 'f') and not r.relispartition

union all

-- The columns of a view follow from its definition, except defaults.
select
    'view column',
    r.name || '.' || quote_ident(a.attname),
    r.kind,
    r.name,
    r.address,
    quote_ident(a.attname),
    a.attnum,
    jsonb_build_object(
        'default', pg_get_expr(d.adbin, d.adrelid),
        'statistics', nullif(a.attstattarget, -1),
        'options', (select jsonb_agg(option order by option) from unnest(a.attoptions) option where option like 'n\_distinct%')
    ),
    '{}',
    'pg_class'::regclass,
    r.oid,
    a.attnum
from relation r
join pg_attribute a on a.attrelid = r.oid and a.attnum > 0
left join pg_attrdef d on d.adrelid = r.oid and d.adnum = a.attnum
where r.relkind in ('v', 'm')
