-- What every question begins with: which schemas and relations are looked at. Members of extensions are their
-- extensions' business, and the tables of the record are ours.
member as materialized (
    select classid, objid, refobjid as extension
    from pg_depend
    where deptype = 'e'
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
),
home as materialized (
    -- Whoever migrates owns what is made. In another database that is another role, and no difference.
    select coalesce(
        (
            select relowner
            from pg_class
            where oid = coalesce(to_regclass('_sqlx_migrations'), to_regclass('_app_migration_attempts'))
        ),
        (select oid from pg_roles where rolname = current_user)
    ) as role
)
