select
    r.kind,
    r.name,
    null as parent_kind,
    null as parent,
    r.address,
    r.ident,
    0 as position,
    jsonb_build_object(
        'unlogged', r.relpersistence = 'u',
        'options', (select jsonb_agg(option order by option) from unnest(r.reloptions) option),
        'toast options', (select jsonb_agg(option order by option) from pg_class t, unnest(t.reloptions) option where t.oid = r.reltoastrelid),
        'row security', r.relrowsecurity,
        'forced row security', r.relforcerowsecurity,
        'tablespace', (select quote_ident(spcname) from pg_tablespace where oid = r.reltablespace),
        'access method', (select quote_ident(amname) from pg_am where oid = r.relam and amname <> 'heap'),
        'partitioned', pg_get_partkeydef(r.oid),
        'partition', pg_get_expr(r.relpartbound, r.oid),
        'inherits', (select jsonb_agg(inhparent::regclass::text order by inhseqno) from pg_inherits where inhrelid = r.oid),
        'own columns', case when r.relispartition then (
            select jsonb_agg(own.name || ' ' || own.properties order by own.name)
            from pg_inherits i
            cross join lateral (
                select quote_ident(a.attname), concat_ws(', ', a.attnotnull, a.attstorage, a.attcompression, pg_get_expr(d.adbin, d.adrelid))
                from pg_attribute a
                left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
                where a.attrelid = i.inhrelid and a.attnum > 0 and not a.attisdropped

                except

                select quote_ident(a.attname), concat_ws(', ', a.attnotnull, a.attstorage, a.attcompression, pg_get_expr(d.adbin, d.adrelid))
                from pg_attribute a
                left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
                where a.attrelid = i.inhparent and a.attnum > 0 and not a.attisdropped
            ) own(name, properties)
            where i.inhrelid = r.oid
        ) end,
        'of type', (select format_type(nullif(r.reloftype, 0), null) where r.reloftype <> 0),
        'foreign', (
            select jsonb_build_array(s.srvname, f.ftoptions)
            from pg_foreign_table f
            join pg_foreign_server s on s.oid = f.ftserver
            where f.ftrelid = r.oid
        ),
        'without data', r.relkind = 'm' and not r.relispopulated,
        'definition', case when r.relkind in ('v', 'm') then rtrim(pg_get_viewdef(r.oid), ';') end
    ) as properties,
    case when r.relkind in ('v', 'm') then jsonb_build_object('definition', rtrim(pg_get_viewdef(r.oid, true), ';')) else '{}' end as pretty,
    'pg_class'::regclass::oid as class,
    r.oid as object,
    0 as part
from relation r

union all

select
    'replica identity',
    r.name,
    r.kind,
    r.name,
    r.address,
    r.ident,
    0,
    jsonb_build_object(
        'identity',
        case r.relreplident
            when 'f' then 'full'
            when 'n' then 'nothing'
            else 'using index ' || (select quote_ident(c.relname) from pg_index i join pg_class c on c.oid = i.indexrelid where i.indrelid = r.oid and i.indisreplident)
        end
    ),
    '{}',
    'pg_class'::regclass,
    r.oid,
    -1
from relation r
where r.relkind in ('r', 'p') and r.relreplident <> 'd'

union all

select
    'clustering',
    r.name,
    r.kind,
    r.name,
    r.address,
    r.ident,
    0,
    jsonb_build_object('index', quote_ident(c.relname)),
    '{}',
    'pg_class'::regclass,
    r.oid,
    -2
from relation r
join pg_index i on i.indrelid = r.oid and i.indisclustered
join pg_class c on c.oid = i.indexrelid
