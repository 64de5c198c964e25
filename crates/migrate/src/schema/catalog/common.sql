-- The beginning of every query: the schemas and relations to read. Members of extensions, the tables of the record and ignored
-- objects are left out.
ignored_namespace as materialized (
    select oid
    from pg_namespace
    where nspname like any (current_setting('migrate.ignored_schemas')::text[])
),
ignored_relation as materialized (
    select c.oid
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where c.relkind not in ('i', 'I', 't')
        and (
            n.oid in (select oid from ignored_namespace)
            or n.nspname || '.' || c.relname like any (current_setting('migrate.ignored_tables')::text[])
        )
),
ignored_role as materialized (
    select oid
    from pg_roles
    where rolname like any (current_setting('migrate.ignored_roles')::text[])

    union all

    select 0::oid
    where 'public' like any (current_setting('migrate.ignored_roles')::text[])
),
ignored as materialized (
    select 'pg_namespace'::regclass::oid as classid, oid as objid
    from ignored_namespace

    union all

    select 'pg_class'::regclass, oid
    from ignored_relation

    union all

    select 'pg_class'::regclass, d.objid
    from pg_depend d
    join pg_class c on c.oid = d.objid and c.relkind = 'S'
    where d.classid = 'pg_class'::regclass
        and d.refclassid = 'pg_class'::regclass
        and d.deptype in ('a', 'i')
        and d.refobjid in (select oid from ignored_relation)

    union all

    select class, object
    from (
        select 'pg_type'::regclass::oid, oid, typnamespace, typname from pg_type
        union all
        select 'pg_proc'::regclass, oid, pronamespace, proname from pg_proc
        union all
        select 'pg_operator'::regclass, oid, oprnamespace, oprname from pg_operator
        union all
        select 'pg_opclass'::regclass, oid, opcnamespace, opcname from pg_opclass
        union all
        select 'pg_opfamily'::regclass, oid, opfnamespace, opfname from pg_opfamily
        union all
        select 'pg_collation'::regclass, oid, collnamespace, collname from pg_collation
        union all
        select 'pg_conversion'::regclass, oid, connamespace, conname from pg_conversion
        union all
        select 'pg_ts_config'::regclass, oid, cfgnamespace, cfgname from pg_ts_config
        union all
        select 'pg_ts_dict'::regclass, oid, dictnamespace, dictname from pg_ts_dict
    ) named (class, object, namespace, name)
    join pg_namespace n on n.oid = named.namespace
    where named.object >= 16384
        and n.nspname || '.' || named.name like any (current_setting('migrate.ignored_tables')::text[])

    union all

    select 'pg_extension'::regclass, oid
    from pg_extension
    where extname like any (current_setting('migrate.ignored_extensions')::text[])
        or extnamespace in (select oid from ignored_namespace)

    union all

    select class, object
    from (
        select 'pg_publication'::regclass::oid, oid, pubname from pg_publication
        union all
        select 'pg_subscription'::regclass, oid, subname from pg_subscription
        union all
        select 'pg_event_trigger'::regclass, oid, evtname from pg_event_trigger
        union all
        select 'pg_foreign_data_wrapper'::regclass, oid, fdwname from pg_foreign_data_wrapper
        union all
        select 'pg_foreign_server'::regclass, oid, srvname from pg_foreign_server
        union all
        select 'pg_user_mapping'::regclass, umid, srvname from pg_user_mappings
        union all
        select 'pg_language'::regclass, oid, lanname from pg_language
        union all
        select 'pg_am'::regclass, oid, amname from pg_am
    ) other (class, object, name)
    where name like any (current_setting('migrate.ignored_others')::text[])
),
member as materialized (
    select classid, objid
    from pg_depend
    where deptype = 'e'
        -- The functions of a range type.
        or (deptype = 'i' and refclassid = 'pg_type'::regclass and classid in ('pg_proc'::regclass, 'pg_cast'::regclass))

    union all

    select classid, objid
    from ignored
),
namespace as materialized (
    select oid, nspname, nspowner, nspacl, quote_ident(nspname) as name
    from pg_namespace
    where nspname !~ '^pg_'
        and nspname <> 'information_schema'
        and ('pg_namespace'::regclass, oid) not in (select classid, objid from member)
),
relation as materialized (
    select
        c.*,
        n.name || '.' || quote_ident(c.relname) as name,
        quote_ident(c.relname) as ident,
        c.oid::regclass::text as address,
        case c.relkind when 'v' then 'view' when 'm' then 'materialized view' else 'table' end as kind
    from pg_class c
    join namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'f', 'v', 'm')
        and c.relname not in ('_sqlx_migrations', '_app_migration_attempts', '_app_schema_looks')
        and ('pg_class'::regclass, c.oid) not in (select classid, objid from member)
        -- changed: and c.oid = any (array(select object from candidate where class = 'pg_class'::regclass))
),
home as materialized (
    -- The migrating role owns the objects. In another database that may be another role, which is no difference.
    select coalesce(
        (
            select c.relowner
            from unnest(current_setting('migrate.schemas')::name[]) with ordinality schemas (name, place)
            join pg_namespace n on n.nspname = schemas.name
            join pg_class c on c.relnamespace = n.oid
            where c.relname in ('_sqlx_migrations', '_app_migration_attempts')
            order by c.relname desc, schemas.place
            limit 1
        ),
        (select oid from pg_roles where rolname = current_user)
    ) as role
)
