do $empty$
declare
    -- Objects of others, and everything that depends on them.
    census constant text := $census$
        with /* common */,
        part (class, object, part) as (
            select classid, objid, 0 from ignored
            union
            select 'pg_attribute'::regclass, 0::oid, 0 where false
            union
            select 'pg_class'::regclass, attrelid, attnum from pg_attribute where attrelid in (select oid from ignored_relation) and attnum > 0 and not attisdropped
            union
            select 'pg_class'::regclass, indexrelid, 0 from pg_index where indrelid in (select oid from ignored_relation)
            union
            select 'pg_constraint'::regclass, oid, 0 from pg_constraint where conrelid in (select oid from ignored_relation)
            union
            select 'pg_trigger'::regclass, oid, 0 from pg_trigger where tgrelid in (select oid from ignored_relation) and not tgisinternal
            union
            select 'pg_attrdef'::regclass, oid, 0 from pg_attrdef where adrelid in (select oid from ignored_relation)
            union
            select 'pg_policy'::regclass, oid, 0 from pg_policy where polrelid in (select oid from ignored_relation)
            union
            select 'pg_rewrite'::regclass, oid, 0 from pg_rewrite where ev_class in (select oid from ignored_relation)
            union
            select 'pg_proc'::regclass, oid, 0 from pg_proc where pronamespace in (select oid from ignored_namespace)
            union
            select 'pg_type'::regclass, oid, 0 from pg_type where typnamespace in (select oid from ignored_namespace)
        )
        select coalesce(jsonb_object_agg(format('%s %s %s', class, object, part), pg_describe_object(class, object, part)), '{}')
        from part
    $census$;
    theirs jsonb;
    left_of_it jsonb;
    lost text;
    kept text[];
    steps text[];
    step text;
    may_everybody_create boolean;
begin
    execute census into theirs;

    -- Objects outside of schemas, if the role may drop them. Those that another role prepared stay.
    steps := array(
        with /* common */,
        own (place, class, object, owner) as (
            select 1, 'pg_event_trigger'::regclass::oid, oid, evtowner from pg_event_trigger
            union all
            select 2, 'pg_publication'::regclass, oid, pubowner from pg_publication
            union all
            select 3, 'pg_foreign_data_wrapper'::regclass, oid, fdwowner from pg_foreign_data_wrapper
            union all
            select 4, 'pg_foreign_server'::regclass, oid, srvowner from pg_foreign_server
            union all
            select 5, 'pg_transform'::regclass, t.oid, l.lanowner from pg_transform t join pg_language l on l.oid = t.trflang
            union all
            select 6, 'pg_language'::regclass, oid, lanowner from pg_language where oid >= 16384
            union all
            select 7, 'pg_am'::regclass, oid, (select nspowner from pg_namespace where nspname = 'pg_catalog') from pg_am where oid >= 16384
            union all
            select 8, 'pg_cast'::regclass, oid, (select nspowner from pg_namespace where nspname = 'pg_catalog') from pg_cast where oid >= 16384
        )
        select format(
            'drop %s if exists %s cascade',
            replace(named.type, '-', ' '),
            case named.type when 'transform' then replace(named.identity, ' on language ', ' language ') else named.identity end
        )
        from own
        cross join lateral pg_identify_object(class, object, 0) named
        where pg_has_role(owner, 'usage')
            and (class, object) not in (select classid, objid from member)
        order by place
    );
    foreach step in array steps loop
        execute step;
    end loop;
    -- The replication slot on the other server stays: that server may not be reachable.
    steps := array(
        with /* common */
        select format('alter subscription %1$I disable; alter subscription %1$I set (slot_name = none); drop subscription %1$I', subname)
        from pg_subscription
        where subdbid = (select oid from pg_database where datname = current_database())
            and pg_has_role(subowner, 'usage')
            and ('pg_subscription'::regclass, oid) not in (select classid, objid from ignored)

        union all

        select format('drop user mapping if exists for %s server %I', case umuser when 0 then 'public' else quote_ident(usename) end, m.srvname)
        from pg_user_mappings m
        join pg_foreign_server s on s.oid = m.srvid
        where pg_has_role(s.srvowner, 'usage')
            and ('pg_user_mapping'::regclass, umid) not in (select classid, objid from ignored)

        union all

        select format('drop extension if exists %I cascade', extname)
        from pg_extension
        where extname <> 'plpgsql'
            and pg_has_role(extowner, 'usage')
            and ('pg_extension'::regclass, oid) not in (select classid, objid from ignored)
    );
    foreach step in array steps loop
        execute step;
    end loop;

    -- Default privileges.
    steps := array(
        with /* common */,
        entry as (
            select
                d.oid,
                d.defaclnamespace = 0 as everywhere,
                d.defaclacl as acl,
                acldefault(case d.defaclobjtype when 'S' then 's' else d.defaclobjtype end, d.defaclrole) as standard,
                format(
                    'alter default privileges for role %I %s',
                    r.rolname,
                    (select format('in schema %I', nspname) from pg_namespace where oid = d.defaclnamespace)
                ) as beginning,
                case d.defaclobjtype
                    when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' when 'T' then 'types' when 'n' then 'schemas'
                    else 'large objects'
                end as things
            from pg_default_acl d
            join pg_roles r on r.oid = d.defaclrole
            where pg_has_role(d.defaclrole, 'usage')
                and d.defaclrole not in (select oid from ignored_role)
                and d.defaclnamespace not in (select oid from ignored_namespace)
        )
        select statement
        from (
            select distinct
                1 as place,
                format('%s revoke all on %s from %s', beginning, things, case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end) as statement
            from entry, aclexplode(acl)
            where grantee not in (select oid from ignored_role)

            union all

            select
                2,
                format('%s grant %s on %s to %s', beginning, string_agg(privilege_type, ', '), things, case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end)
            from entry, aclexplode(standard)
            where everywhere
            group by beginning, things, grantee
        ) all_of_them
        order by place
    );
    foreach step in array steps loop
        execute step;
    end loop;

    -- Schemas with objects that stay are emptied object by object; the others are dropped as a whole.
    kept := array(
        with /* common */
        select format('%s %s', classid, objid) from ignored
        union
        select format('%s %s', classid, objid) from pg_depend where deptype = 'e'
        union
        select format('%s %s', 'pg_extension'::regclass::oid, oid) from pg_extension
    );
    steps := array(
        with /* common */
        select format('drop schema if exists %I cascade', nspname)
        from namespace n
        where nspname <> 'public'
            and quote_ident(nspname) <> current_setting('migrate.home')
            and not exists (
                select
                from pg_depend d
                where d.refclassid = 'pg_namespace'::regclass
                    and d.refobjid = n.oid
                    and format('%s %s', d.classid, d.objid) = any (kept)
            )
    );
    foreach step in array steps loop
        execute step;
    end loop;
    steps := array(
        with /* common */
        select format(
            'drop %s if exists %s cascade',
            case
                when named.type in ('function', 'procedure', 'aggregate') then 'routine'
                when named.type = 'statistics object' then 'statistics'
                else named.type
            end,
            named.identity
        )
        from pg_depend d
        join namespace n on n.oid = d.refobjid
        cross join lateral pg_identify_object(d.classid, d.objid, 0) named
        where d.refclassid = 'pg_namespace'::regclass
            and d.deptype = 'n'
            and d.classid <> 'pg_default_acl'::regclass
            and format('%s %s', d.classid, d.objid) <> all (kept)
            -- Parts of another object are dropped with it.
            and not exists (
                select
                from pg_depend other
                where other.classid = d.classid and other.objid = d.objid and other.objsubid = 0 and other.deptype = 'i'
            )
    );
    foreach step in array steps loop
        execute step;
    end loop;

    -- Schemas that stay get the privileges that they had when they were created.
    may_everybody_create := current_setting('migrate.shadow') <> 'true' and exists (
        select
        from pg_namespace n, aclexplode(n.nspacl)
        where n.nspname = 'public' and grantee = 0 and privilege_type = 'CREATE'
    );
    steps := array(
        with /* common */
        select distinct
            format('revoke all on schema %I from %s cascade', n.nspname, case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end)
        from namespace n, aclexplode(n.nspacl)
        where pg_has_role(n.nspowner, 'usage')
            and (n.nspname = 'public' or n.name = current_setting('migrate.home'))
            and grantee not in (n.nspowner, (select oid from pg_roles where rolname = current_user))
            and grantee not in (select oid from ignored_role)
    );
    foreach step in array steps loop
        execute step;
    end loop;
    if (select pg_has_role(nspowner, 'usage') from pg_namespace where nspname = 'public') then
        comment on schema public is 'standard public schema';
        grant usage on schema public to public;
        if may_everybody_create then
            grant create on schema public to public;
        end if;
    end if;

    -- Large objects do not show which command created them.
    if theirs = '{}' then
        perform lo_unlink(oid) from pg_largeobject_metadata where pg_has_role(lomowner, 'usage');
    end if;

    execute census into left_of_it;
    select string_agg(described, ', ' order by described)
    into lost
    from jsonb_each_text(theirs) before (key, described)
    where not left_of_it ? key;
    if lost is not null then
        raise exception using
            errcode = 'dependent_objects_still_exist',
            message = format('ignored objects (%s) need objects that would be dropped: %s', current_setting('migrate.ignore_setting'), lost);
    end if;
end
$empty$;
