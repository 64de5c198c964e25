-- The beginning of a query that reads only what has changed: $1 and $2 are the classes and the ids of objects whose names or
-- types may have changed, $3 and $4 those of other objects.
touched as (
    select class, object
    from unnest($1, $2) named (class, object)

    union

    select class, object
    from unnest($3, $4) other (class, object)

    union

    -- A description contains names and types of what the object depends on.
    select d.classid, d.objid
    from unnest($1, $2) named (class, object)
    join pg_depend d on d.refclassid = named.class and d.refobjid = named.object
),
candidate as materialized (
    select class, object
    from touched

    union

    -- The whole that an object is part of: the table of an index, the view of a rule.
    select d.refclassid, d.refobjid
    from candidate c
    join pg_depend d on d.classid = c.class and d.objid = c.object
    where d.deptype in ('a', 'i', 'P', 'S')
)
