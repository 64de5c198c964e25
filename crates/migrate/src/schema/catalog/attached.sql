-- Comments, privileges that differ from the default ones, and owners other than the migrating role.
with subject as (
    select 'pg_class'::regclass::oid as class, oid as object, 0 as part, relowner as owner, relacl as acl, 'r'::"char" as type
    from relation

    union all

    select 'pg_class'::regclass, c.oid, 0, c.relowner, c.relacl, 's'
    from pg_class c
    join namespace n on n.oid = c.relnamespace
    where c.relkind = 'S'
        and ('pg_class'::regclass, c.oid) not in (select classid, objid from member)
        -- changed: and c.oid = any (array(select object from candidate where class = 'pg_class'::regclass))

    union all

    select 'pg_class'::regclass, r.oid, a.attnum, r.relowner, a.attacl, 'c'
    from relation r
    join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped and a.attacl is not null

    union all

    select 'pg_namespace'::regclass, oid, 0, nspowner, nspacl, 'n'
    from namespace
    -- changed: where false

    union all

    select 'pg_proc'::regclass, p.oid, 0, p.proowner, p.proacl, 'f'
    from pg_proc p
    join namespace n on n.oid = p.pronamespace
    where ('pg_proc'::regclass, p.oid) not in (select classid, objid from member)
        -- changed: and p.oid = any (array(select object from candidate where class = 'pg_proc'::regclass))

    union all

    select 'pg_type'::regclass, t.oid, 0, t.typowner, t.typacl, 'T'
    from pg_type t
    join namespace n on n.oid = t.typnamespace
    where t.typtype in ('e', 'd')
        and ('pg_type'::regclass, t.oid) not in (select classid, objid from member)
        -- changed: and t.oid = any (array(select object from candidate where class = 'pg_type'::regclass))

    union all

    select 'pg_foreign_data_wrapper'::regclass, oid, 0, fdwowner, fdwacl, 'F'
    from pg_foreign_data_wrapper
    where ('pg_foreign_data_wrapper'::regclass, oid) not in (select classid, objid from member)
        -- changed: and false

    union all

    select 'pg_foreign_server'::regclass, oid, 0, srvowner, srvacl, 'S'
    from pg_foreign_server
    where ('pg_foreign_server'::regclass, oid) not in (select classid, objid from member)
        -- changed: and false
),
-- The server creates the schema public, with other privileges in each major version.
privilege as (
    select
        s.class,
        s.object,
        s.part,
        case
            when e.grantee = 0 then 'public'
            when e.grantee in (s.owner, home.role) then 'current_user'
            else e.grantee::regrole::text
        end as grantee,
        e.standard,
        e.privilege_type as privilege,
        -- The owner may grant everything anyway.
        e.is_grantable and e.grantee <> s.owner as grantable
    from home, subject s
    cross join lateral (
        select true as standard, d.*
        from aclexplode(acldefault(s.type, s.owner)) d

        union all

        select false, d.*
        from aclexplode(coalesce(s.acl, acldefault(s.type, s.owner))) d
    ) e
    where s.acl is not null
        and e.grantee not in (select oid from ignored_role)
        and not (s.object = to_regnamespace('public') and s.class = 'pg_namespace'::regclass and e.grantee = s.owner)
        -- Everybody may use it by default. A revoke of that is no difference either.
        and not (
            s.object = to_regnamespace('public')
            and s.class = 'pg_namespace'::regclass
            and e.grantee = 0
            and (e.standard or e.privilege_type = 'USAGE')
        )
),
deviation as (
    select
        class,
        object,
        part,
        grantee,
        privilege,
        bool_or(standard) as standard,
        bool_or(not standard) as held,
        bool_or(not standard and grantable) and not bool_or(standard and grantable) as grantable
    from privilege
    group by class, object, part, grantee, privilege
)
select
    'privileges' as kind,
    class,
    object,
    part,
    grantee as label,
    jsonb_build_object(
        'granted', jsonb_agg(privilege order by privilege) filter (where held and not standard),
        'with grant option', jsonb_agg(privilege order by privilege) filter (where held and grantable),
        'revoked', jsonb_agg(privilege order by privilege) filter (where standard and not held)
    ) as properties
from deviation
where held <> standard or grantable
group by class, object, part, grantee

union all

select 'comment', classoid, objoid, objsubid, '', jsonb_build_object('text', description)
from pg_description
where objoid >= 16384 and ('pg_extension'::regclass <> classoid)
    -- changed: and (classoid, objoid) in (select class, object from object)

union all

select 'owner', s.class, s.object, s.part, '', jsonb_build_object('owner', s.owner::regrole::text)
from home, subject s
where s.owner <> home.role
    and s.part = 0
    and s.owner <> (select relowner from pg_class where oid = 'pg_class'::regclass)
    and not (s.class = 'pg_namespace'::regclass and s.object = to_regnamespace('public'))
    -- The owner may grant roles access to the schema of new tables.
    and not (s.class = 'pg_namespace'::regclass and s.object = to_regnamespace(quote_ident((current_setting('migrate.schemas')::name[])[1])))
    and not exists (
        select
        from pg_depend
        where classid = 'pg_class'::regclass and objid = s.object and refclassid = 'pg_class'::regclass and deptype in ('a', 'i')
    )
