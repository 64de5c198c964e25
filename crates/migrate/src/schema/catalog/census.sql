-- The rows of the catalogs, in texts: each is the object that a row belongs to, more to tell rows of one object apart, and the
-- transaction that wrote the row. Whatever is created, altered or dropped changes one of these texts. Names and types of an
-- object are part of the descriptions of those that depend on it, so changes of these rows concern the dependent objects, too.
select 'pg_class' as source, 'pg_class'::regclass::oid as class, true as is_named, string_agg(oid || ' ' || xmin, ',') as rows
from pg_class
where oid >= 16384

union all

-- Not those of indexes and of tables for large values.
select 'pg_attribute', 'pg_class'::regclass::oid, true, string_agg(attrelid || ' ' || attnum || ' ' || a.xmin, ',')
from pg_attribute a
where attrelid >= 16384 and attnum > 0

union all

select 'pg_type', 'pg_type'::regclass::oid, true, string_agg(oid || ' ' || xmin, ',')
from pg_type
where oid >= 16384

union all

-- The name of a value is part of a default.
select 'pg_enum', 'pg_type'::regclass::oid, true, string_agg(enumtypid || ' ' || oid || ' ' || xmin, ',')
from pg_enum
where enumtypid >= 16384

union all

select 'pg_range', 'pg_type'::regclass::oid, true, string_agg(rngtypid || ' ' || xmin, ',')
from pg_range
where rngtypid >= 16384

union all

select 'pg_proc', 'pg_proc'::regclass::oid, true, string_agg(oid || ' ' || xmin, ',')
from pg_proc
where oid >= 16384

union all

select 'pg_aggregate', 'pg_proc'::regclass::oid, false, string_agg(aggfnoid::oid || ' ' || xmin, ',')
from pg_aggregate
where aggfnoid::oid >= 16384

union all

select 'pg_attrdef', 'pg_class'::regclass::oid, false, string_agg(adrelid || ' ' || oid || ' ' || xmin, ',')
from pg_attrdef
where adrelid >= 16384

union all

select 'pg_constraint', 'pg_class'::regclass::oid, false, string_agg(conrelid || ' ' || oid || ' ' || xmin, ',')
from pg_constraint
where conrelid >= 16384

union all

select 'pg_constraint of domains', 'pg_type'::regclass::oid, false, string_agg(contypid || ' ' || oid || ' ' || xmin, ',')
from pg_constraint
where contypid >= 16384

union all

select 'pg_index', 'pg_class'::regclass::oid, false, string_agg(indrelid || ' ' || indexrelid || ' ' || xmin, ',')
from pg_index
where indrelid >= 16384

union all

select 'pg_trigger', 'pg_class'::regclass::oid, false, string_agg(tgrelid || ' ' || oid || ' ' || xmin, ',')
from pg_trigger
where not tgisinternal

union all

-- A foreign key that is switched off.
select 'pg_trigger of constraints', 'pg_constraint'::regclass::oid, false, string_agg(tgconstraint || ' ' || oid || ' ' || xmin, ',')
from pg_trigger
where tgisinternal and tgenabled <> 'O'

union all

select 'pg_rewrite', 'pg_class'::regclass::oid, false, string_agg(ev_class || ' ' || oid || ' ' || xmin, ',')
from pg_rewrite
where ev_class >= 16384

union all

select 'pg_policy', 'pg_class'::regclass::oid, false, string_agg(polrelid || ' ' || oid || ' ' || xmin, ',')
from pg_policy

union all

select 'pg_statistic_ext', 'pg_class'::regclass::oid, false, string_agg(stxrelid || ' ' || oid || ' ' || xmin, ',')
from pg_statistic_ext

union all

select 'pg_inherits', 'pg_class'::regclass::oid, false, string_agg(inhrelid || ' ' || inhparent || ' ' || xmin, ',')
from pg_inherits

union all

select 'pg_sequence', 'pg_class'::regclass::oid, false, string_agg(seqrelid || ' ' || xmin, ',')
from pg_sequence

union all

select 'pg_partitioned_table', 'pg_class'::regclass::oid, false, string_agg(partrelid || ' ' || xmin, ',')
from pg_partitioned_table

union all

select 'pg_foreign_table', 'pg_class'::regclass::oid, false, string_agg(ftrelid || ' ' || xmin, ',')
from pg_foreign_table

union all

select 'pg_description', classoid, false, string_agg(objoid || ' ' || objsubid || ' ' || xmin, ',')
from pg_description
where objoid >= 16384
group by classoid

union all

-- After any change of these, everything is read again.
select 'others', 0, false, concat_ws(
    ';',
    (select string_agg(oid || ' ' || xmin, ',') from pg_namespace),
    (select string_agg(oid || ' ' || xmin, ',') from pg_extension),
    (select string_agg(classid || ' ' || objid, ',') from pg_depend where refclassid = 'pg_extension'::regclass and deptype = 'e'),
    (select string_agg(oid || ' ' || xmin, ',') from pg_language),
    (select string_agg(oid || ' ' || xmin, ',') from pg_am where oid >= 16384),
    (select string_agg(oid || ' ' || xmin, ',') from pg_operator where oid >= 16384),
    (select string_agg(oid || ' ' || xmin, ',') from pg_opclass where oid >= 16384),
    (select string_agg(oid || ' ' || xmin, ',') from pg_opfamily where oid >= 16384),
    (select string_agg(oid || ' ' || xmin, ',') from pg_amop where oid >= 16384),
    (select string_agg(oid || ' ' || xmin, ',') from pg_amproc where oid >= 16384),
    (select string_agg(oid || ' ' || xmin, ',') from pg_cast where oid >= 16384),
    (select string_agg(oid || ' ' || xmin, ',') from pg_collation where oid >= 16384),
    (select string_agg(oid || ' ' || xmin, ',') from pg_conversion where oid >= 16384),
    (select string_agg(oid || ' ' || xmin, ',') from pg_transform where oid >= 16384),
    (select string_agg(oid || ' ' || xmin, ',') from pg_ts_config where oid >= 16384),
    (select string_agg(mapcfg || ' ' || xmin, ',') from pg_ts_config_map where mapcfg >= 16384),
    (select string_agg(oid || ' ' || xmin, ',') from pg_ts_dict where oid >= 16384),
    (select string_agg(oid || ' ' || xmin, ',') from pg_ts_parser where oid >= 16384),
    (select string_agg(oid || ' ' || xmin, ',') from pg_ts_template where oid >= 16384),
    (select string_agg(oid || ' ' || xmin, ',') from pg_foreign_data_wrapper),
    (select string_agg(oid || ' ' || xmin, ',') from pg_foreign_server),
    (select string_agg(umid || ' ' || srvname || ' ' || hashtextextended(umoptions::text, 0), ',') from pg_user_mappings),
    (select string_agg(oid || ' ' || xmin, ',') from pg_event_trigger),
    (select string_agg(oid || ' ' || xmin, ',') from pg_publication),
    (select string_agg(prpubid || ' ' || xmin, ',') from pg_publication_rel),
    (select string_agg(pnpubid || ' ' || xmin, ',') from pg_publication_namespace),
    (select string_agg(oid || ' ' || concat_ws(' ', subname, subenabled, subslotname, subpublications), ',') from pg_subscription),
    (select string_agg(oid || ' ' || xmin, ',') from pg_default_acl),
    (select string_agg(oid || ' ' || spcname, ',') from pg_tablespace),
    (select string_agg(oid || ' ' || rolname, ',') from pg_roles),
    -- These decide how definitions are written.
    current_setting('migrate.schemas'),
    current_setting('datestyle'),
    current_setting('intervalstyle'),
    current_setting('timezone'),
    current_setting('bytea_output'),
    current_setting('extra_float_digits'),
    current_setting('lc_monetary'),
    current_setting('quote_all_identifiers'),
    current_setting('standard_conforming_strings'),
    current_setting('xmlbinary')
)
