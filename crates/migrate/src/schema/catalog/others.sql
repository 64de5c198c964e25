-- Objects for which no SQL is written, but which are compared. Their definition is the row of the catalog, with names in place
-- of object ids.
with other as (
    select
        'pg_operator'::regclass::oid as class,
        o.oid as object,
        concat_ws(' ', oprcode, oprrest, oprjoin, nullif(oprcom, 0)::regoperator, nullif(oprnegate, 0)::regoperator, oprcanmerge, oprcanhash) as definition
    from pg_operator o
    join namespace n on n.oid = o.oprnamespace

    union all

    select
        'pg_cast'::regclass,
        c.oid,
        concat_ws(' ', nullif(castfunc, 0)::regprocedure, castcontext, castmethod)
    from pg_cast c
    where c.oid >= 16384

    union all

    select
        'pg_collation'::regclass,
        c.oid,
        (to_jsonb(c) - '{oid,collnamespace,collowner,collversion}'::text[])::text
    from pg_collation c
    join namespace n on n.oid = c.collnamespace

    union all

    select 'pg_conversion'::regclass, c.oid, concat_ws(' ', conproc, conforencoding, contoencoding, condefault)
    from pg_conversion c
    join namespace n on n.oid = c.connamespace

    union all

    select
        'pg_opclass'::regclass,
        c.oid,
        concat_ws(' ', format_type(opcintype, null), opcdefault, format_type(nullif(opckeytype, 0), null))
    from pg_opclass c
    join namespace n on n.oid = c.opcnamespace

    union all

    select
        'pg_opfamily'::regclass,
        f.oid,
        concat_ws(
            ' ',
            (select string_agg(format('%s %s', amopstrategy, amopopr::regoperator), ', ' order by amopstrategy, amopopr::regoperator::text) from pg_amop where amopfamily = f.oid),
            (select string_agg(format('%s %s', amprocnum, amproc::regprocedure), ', ' order by amprocnum, amproc::regprocedure::text) from pg_amproc where amprocfamily = f.oid)
        )
    from pg_opfamily f
    join namespace n on n.oid = f.opfnamespace

    union all

    select
        'pg_ts_config'::regclass,
        c.oid,
        (
            select string_agg(format('%s %s', maptokentype, mapdict::regdictionary), ', ' order by maptokentype, mapseqno)
            from pg_ts_config_map
            where mapcfg = c.oid
        )
    from pg_ts_config c
    join namespace n on n.oid = c.cfgnamespace

    union all

    select 'pg_ts_dict'::regclass, d.oid, concat_ws(' ', (select tmplname from pg_ts_template where oid = dicttemplate), dictinitoption)
    from pg_ts_dict d
    join namespace n on n.oid = d.dictnamespace

    union all

    select 'pg_ts_parser'::regclass, p.oid, concat_ws(' ', prsstart, prstoken, prsend, prsheadline, prslextype)
    from pg_ts_parser p
    join namespace n on n.oid = p.prsnamespace

    union all

    select 'pg_ts_template'::regclass, t.oid, concat_ws(' ', tmplinit, tmpllexize)
    from pg_ts_template t
    join namespace n on n.oid = t.tmplnamespace

    union all

    select 'pg_foreign_data_wrapper'::regclass, oid, concat_ws(' ', nullif(fdwhandler, 0)::regproc, nullif(fdwvalidator, 0)::regproc, fdwoptions)
    from pg_foreign_data_wrapper

    union all

    select 'pg_foreign_server'::regclass, s.oid, concat_ws(' ', fdwname, srvtype, srvversion, srvoptions)
    from pg_foreign_server s
    join pg_foreign_data_wrapper w on w.oid = s.srvfdw

    union all

    select 'pg_event_trigger'::regclass, oid, concat_ws(' ', evtevent, evtfoid::regprocedure, evtenabled, evttags)
    from pg_event_trigger

    union all

    select
        'pg_publication'::regclass,
        p.oid,
        concat_ws(
            ' ',
            (to_jsonb(p) - '{oid,pubowner,pubname}'::text[])::text,
            (select string_agg(format('%s %s', prrelid::regclass, pg_get_expr(prqual, prrelid)), ', ' order by prrelid::regclass::text) from pg_publication_rel where prpubid = p.oid),
            (select string_agg(pnnspid::regnamespace::text, ', ' order by 1) from pg_publication_namespace where pnpubid = p.oid)
        )
    from pg_publication p

    union all

    select 'pg_subscription'::regclass, oid, concat_ws(' ', subenabled, subslotname, subpublications)
    from pg_subscription
    where subdbid = (select oid from pg_database where datname = current_database())

    union all

    -- The options may contain a password, so only a checksum is compared.
    select 'pg_user_mapping'::regclass, umid, hashtextextended(umoptions::text, 0)::text
    from pg_user_mappings

    union all

    select 'pg_default_acl'::regclass, d.oid, concat_ws(' ', entry.given, entry.taken)
    from pg_default_acl d
    cross join lateral (
        select case when d.defaclnamespace = 0 then acldefault(case d.defaclobjtype when 'S' then 's' else d.defaclobjtype end, d.defaclrole) end as acl
    ) standard
    cross join lateral (
        select
            (
                select string_agg(concat_ws(' ', case grantee when 0 then 'public' else grantee::regrole::text end, privilege_type, is_grantable), ', ' order by grantee::regrole::text, privilege_type)
                from (
                    select grantee, privilege_type, is_grantable from aclexplode(d.defaclacl)
                    except
                    select grantee, privilege_type, is_grantable from aclexplode(standard.acl)
                ) more
                where grantee not in (select oid from ignored_role)
            ) as given,
            (
                select 'without ' || string_agg(concat_ws(' ', case grantee when 0 then 'public' else grantee::regrole::text end, privilege_type), ', ' order by grantee::regrole::text, privilege_type)
                from (
                    select grantee, privilege_type from aclexplode(standard.acl)
                    except
                    select grantee, privilege_type from aclexplode(d.defaclacl)
                ) less
                where grantee not in (select oid from ignored_role)
            ) as taken
    ) entry
    where (entry.given is not null or entry.taken is not null)
        and d.defaclrole not in (select oid from ignored_role)
        and d.defaclnamespace not in (select oid from ignored_namespace)

    union all

    select 'pg_language'::regclass, oid, concat_ws(' ', lanpltrusted, nullif(lanplcallfoid, 0)::regproc)
    from pg_language
    where lanispl

    union all

    select 'pg_transform'::regclass, oid, concat_ws(' ', nullif(trffromsql, 0)::regproc, nullif(trftosql, 0)::regproc)
    from pg_transform

    union all

    select 'pg_am'::regclass, oid, concat_ws(' ', amhandler, amtype)
    from pg_am
    where oid >= 16384
)
select
    'other' as kind,
    named.type || ' ' || named.identity as name,
    null as parent_kind,
    null as parent,
    named.identity as address,
    named.identity as ident,
    0 as position,
    jsonb_build_object('definition', coalesce(o.definition, '')) as properties,
    '{}'::jsonb as pretty,
    o.class,
    o.object,
    0 as part
from other o
cross join lateral pg_identify_object(o.class, o.object, 0) named
where (o.class, o.object) not in (select classid, objid from member)

union all

-- The language belongs to an extension, but the grants on it do not.
select
    'other',
    'privileges of the language ' || quote_ident(l.lanname),
    null,
    null,
    quote_ident(l.lanname),
    quote_ident(l.lanname),
    0,
    jsonb_build_object('definition', entry.text),
    '{}',
    'pg_language'::regclass,
    l.oid,
    1
from pg_language l
cross join lateral (
    select string_agg(concat_ws(' ', word, case grantee when 0 then 'public' else grantee::regrole::text end), ', ' order by word, grantee::regrole::text) as text
    from (
        (
            select 'granted to' as word, grantee from aclexplode(l.lanacl)
            except
            select 'granted to', grantee from aclexplode(acldefault('l', l.lanowner))
        )

        union all

        (
            select 'revoked from', grantee from aclexplode(acldefault('l', l.lanowner))
            except
            select 'revoked from', grantee from aclexplode(l.lanacl)
        )
    ) difference
    where grantee not in (select oid from ignored_role)
) entry
where l.lanacl is not null
    and entry.text is not null
    and not l.lanname like any (current_setting('migrate.ignored_others')::text[])
