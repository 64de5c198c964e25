-- Dependencies, and other catalog rows that stand for an object: a view has a rule, a column a default and the sequence of its
-- identity, a constraint an index, a type an array and a table, an extension its members.
select classid as class, objid as object, objsubid as part, refclassid as other_class, refobjid as other, refobjsubid as other_part, false as same
from pg_depend d
where objid >= 16384 and refobjid >= 16384 and deptype in ('n', 'a', 'i')
    -- A sequence does not depend on its column; the ownership is an object of its own, see below.
    and not (
        classid = 'pg_class'::regclass and refclassid = 'pg_class'::regclass and deptype = 'a' and refobjsubid > 0
        and exists (select from pg_class where oid = d.objid and relkind = 'S')
    )

union all

select 'pg_rewrite'::regclass, w.oid, 0, 'pg_class'::regclass, w.ev_class, 0, true
from pg_rewrite w
where w.rulename = '_RETURN' and w.oid >= 16384

union all

select 'pg_attrdef'::regclass, oid, 0, 'pg_class'::regclass, adrelid, adnum, true
from pg_attrdef

union all

select d.classid, d.objid, 0, d.refclassid, d.refobjid, d.refobjsubid, true
from pg_depend d
join pg_class c on c.oid = d.objid and c.relkind = 'S'
where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype = 'i'

union all

select 'pg_class'::regclass, conindid, 0, 'pg_constraint'::regclass, oid, 0, true
from pg_constraint
where contype in ('p', 'u', 'x') and oid >= 16384

union all

select 'pg_type'::regclass, typarray, 0, 'pg_type'::regclass, oid, 0, true
from pg_type
where typarray <> 0 and oid >= 16384

union all

select 'pg_type'::regclass, oid, 0, 'pg_class'::regclass, typrelid, 0, true
from pg_type
where typrelid <> 0 and oid >= 16384 and exists (select from pg_class where oid = typrelid and relkind <> 'c')

union all

select classid, objid, 0, 'pg_extension'::regclass, refobjid, 0, true
from pg_depend
where deptype = 'e'

union all

-- The functions of a range type, and its multirange type.
select classid, objid, 0, refclassid, refobjid, 0, true
from pg_depend
where deptype = 'i'
    and refclassid = 'pg_type'::regclass
    and classid in ('pg_proc'::regclass, 'pg_cast'::regclass, 'pg_type'::regclass)

union all

-- The server does not record these dependencies.
select 'pg_class'::regclass, i.indrelid, -1, 'pg_class'::regclass, i.indexrelid, 0, false
from pg_index i
where i.indisreplident and i.indexrelid >= 16384

union all

select 'pg_class'::regclass, i.indrelid, -2, 'pg_class'::regclass, i.indexrelid, 0, false
from pg_index i
where i.indisclustered and i.indexrelid >= 16384

union all

select 'pg_depend'::regclass, d.objid, 0, d.refclassid, d.refobjid, d.refobjsubid, false
from pg_depend d
join pg_class c on c.oid = d.objid and c.relkind = 'S'
where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype = 'a'
