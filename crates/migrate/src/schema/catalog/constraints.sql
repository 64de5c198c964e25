select
    case when c.contype = 'f' then 'foreign key' else 'constraint' end as kind,
    r.name || '.' || quote_ident(c.conname) as name,
    r.kind as parent_kind,
    r.name as parent,
    r.address,
    quote_ident(c.conname) as ident,
    case c.contype when 'p' then 0 when 'u' then 1 when 'x' then 2 else 3 end as position,
    jsonb_build_object(
        'definition', pg_get_constraintdef(c.oid),
        'type', c.contype,
        'index options', (select jsonb_agg(option order by option) from unnest(i.reloptions) option),
        'tablespace', (select quote_ident(spcname) from pg_tablespace where oid = i.reltablespace),
        'invalid', case when x.indisvalid then null else x.indexrelid is not null end,
        'switched off', exists (select from pg_trigger where tgconstraint = c.oid and tgenabled <> 'O')
    ) as properties,
    jsonb_build_object(
        'definition', pg_get_constraintdef(c.oid, true),
        'index', case when c.contype in ('p', 'u') then pg_get_indexdef(c.conindid, 0, true) end
    ) as pretty,
    'pg_constraint'::regclass::oid as class,
    c.oid as object,
    0 as part
from pg_constraint c
join relation r on r.oid = c.conrelid
left join pg_class i on i.oid = c.conindid and c.contype in ('p', 'u', 'x')
left join pg_index x on x.indexrelid = i.oid
where c.contype in ('p', 'u', 'x', 'c', 'f')
    -- Constraints that a partition inherits, and those that PostgreSQL creates for each partition, are no objects of their own.
    and c.conparentid = 0
    and not (r.relispartition and c.coninhcount > 0)

union all

select
    'index',
    n.name || '.' || quote_ident(c.relname),
    r.kind,
    r.name,
    c.oid::regclass::text,
    quote_ident(c.relname),
    0,
    jsonb_build_object(
        'definition', pg_get_indexdef(i.indexrelid),
        'invalid', case when not i.indisvalid then true end,
        'tablespace', (select quote_ident(spcname) from pg_tablespace where oid = c.reltablespace),
        'statistics', (
            select jsonb_agg(format('%s: %s', attnum, attstattarget) order by attnum)
            from pg_attribute
            where attrelid = c.oid and attstattarget <> -1
        )
    ),
    jsonb_build_object('definition', pg_get_indexdef(i.indexrelid, 0, true)),
    'pg_class'::regclass,
    c.oid,
    0
from pg_index i
join relation r on r.oid = i.indrelid
join pg_class c on c.oid = i.indexrelid
join namespace n on n.oid = c.relnamespace
where not exists (
    select
    from pg_constraint
    where conindid = i.indexrelid and contype in ('p', 'u', 'x')
)
    and not exists (select from pg_inherits where inhrelid = i.indexrelid)

union all

select
    'statistics',
    n.name || '.' || quote_ident(s.stxname),
    r.kind,
    r.name,
    case when pg_statistics_obj_is_visible(s.oid) then '' else n.name || '.' end || quote_ident(s.stxname),
    quote_ident(s.stxname),
    0,
    -- The server lists the columns in the order of the table, which does not count.
    jsonb_build_object(
        'kinds', (select jsonb_agg(kind order by kind) from unnest(s.stxkind) kind),
        'columns', (
            select jsonb_agg(one order by one)
            from (
                select quote_ident(attname) as one
                from pg_attribute
                where attrelid = s.stxrelid and attnum = any (s.stxkeys)

                union all

                select unnest(pg_get_statisticsobjdef_expressions(s.oid))
            ) all_of_them
        ),
        'target', nullif(s.stxstattarget, -1)
    ),
    jsonb_build_object('definition', pg_get_statisticsobjdef(s.oid)),
    'pg_statistic_ext'::regclass,
    s.oid,
    0
from pg_statistic_ext s
join relation r on r.oid = s.stxrelid
join namespace n on n.oid = s.stxnamespace
