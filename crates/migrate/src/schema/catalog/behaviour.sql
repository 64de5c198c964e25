select
    case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate' else 'function' end as kind,
    format('%s.%I(%s)', n.name, p.proname, oidvectortypes(p.proargtypes)) as name,
    null as parent_kind,
    null as parent,
    p.oid::regprocedure::text as address,
    quote_ident(p.proname) as ident,
    0 as position,
    jsonb_build_object(
        'definition',
        case when p.prokind = 'a' then (
            select concat_ws(
                ' ',
                aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn, aggmtransfn, aggminvtransfn, aggmfinalfn,
                format_type(aggtranstype, null), agginitval, aggsortop::regoperator, aggkind
            )
            from pg_aggregate
            where aggfnoid = p.oid
        ) else pg_get_functiondef(p.oid) end,
        'arguments', pg_get_function_arguments(p.oid),
        'result', pg_get_function_result(p.oid),
        'language', (select lanname from pg_language where oid = p.prolang)
    ) as properties,
    '{}'::jsonb as pretty,
    'pg_proc'::regclass::oid as class,
    p.oid as object,
    0 as part
from pg_proc p
join namespace n on n.oid = p.pronamespace
where ('pg_proc'::regclass, p.oid) not in (select classid, objid from member)
    -- changed: and p.oid = any (array(select object from candidate where class = 'pg_proc'::regclass))
    -- The constructors of a range type are part of it.
    and not exists (
        select
        from pg_depend
        where classid = 'pg_proc'::regclass and objid = p.oid and refclassid = 'pg_type'::regclass and deptype = 'i'
    )

union all

select
    'trigger',
    r.name || '.' || quote_ident(t.tgname),
    r.kind,
    r.name,
    r.address,
    quote_ident(t.tgname),
    0,
    jsonb_build_object(
        'definition', pg_get_triggerdef(t.oid),
        'enabled', case t.tgenabled when 'O' then 'yes' when 'D' then 'no' when 'R' then 'in replicas' else 'always' end
    ),
    jsonb_build_object('definition', pg_get_triggerdef(t.oid, true)),
    'pg_trigger'::regclass,
    t.oid,
    0
from pg_trigger t
join relation r on r.oid = t.tgrelid
where not t.tgisinternal and t.tgparentid = 0

union all

select
    'rule',
    r.name || '.' || quote_ident(w.rulename),
    r.kind,
    r.name,
    r.address,
    quote_ident(w.rulename),
    0,
    jsonb_build_object(
        'definition', pg_get_ruledef(w.oid),
        'enabled', case w.ev_enabled when 'O' then 'yes' when 'D' then 'no' when 'R' then 'in replicas' else 'always' end
    ),
    jsonb_build_object('definition', pg_get_ruledef(w.oid, true)),
    'pg_rewrite'::regclass,
    w.oid,
    0
from pg_rewrite w
join relation r on r.oid = w.ev_class
where w.rulename <> '_RETURN'

union all

select
    'policy',
    r.name || '.' || quote_ident(p.polname),
    r.kind,
    r.name,
    r.address,
    quote_ident(p.polname),
    0,
    jsonb_build_object(
        'permissive', p.polpermissive,
        'command', case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end,
        'roles', (
            select jsonb_agg(case role when 0 then 'public' else role::regrole::text end order by role::regrole::text)
            from unnest(p.polroles) role
        ),
        'using', pg_get_expr(p.polqual, p.polrelid),
        'check', pg_get_expr(p.polwithcheck, p.polrelid)
    ),
    jsonb_build_object('using', pg_get_expr(p.polqual, p.polrelid, true), 'check', pg_get_expr(p.polwithcheck, p.polrelid, true)),
    'pg_policy'::regclass,
    p.oid,
    0
from pg_policy p
join relation r on r.oid = p.polrelid
