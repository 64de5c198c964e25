-- Distributes the tables of users over the servers of a Citus cluster by `user_id`, and puts `users` on all of them. Run it with psql as the
-- owner of the tables, on the coordinator: after the first `app migrate deploy`, and whenever a deploy says that a table is not distributed.
-- Tables that are distributed are left alone, so that it can be run again and again. All of it is done, or nothing.
--
--   psql --no-psqlrc --file scripts/citus/distribute.sql "$DATABASE_URL"
--
-- What has to be done before, and what to expect, is in scripts/citus/README.md.
\set ON_ERROR_STOP on
\set QUIET on

begin;
set local lock_timeout = '10s';
set local client_min_messages = warning;
-- Tables and the keys between them are changed in one transaction, which one connection to each server has to do.
set local citus.multi_shard_modify_mode = 'sequential';

do $$
begin
    if to_regclass('pg_dist_partition') is null then
        raise exception 'this database has no extension citus; nothing was changed'
            using hint = 'Run `create extension citus` on all servers, and add them with `citus_add_node`.';
    end if;
    if coalesce(current_setting('citus.enable_unsafe_triggers', true), '') <> 'on' then
        raise exception 'the tables have triggers, and citus.enable_unsafe_triggers is off; nothing was changed'
            using hint = format('Run `alter database %I set citus.enable_unsafe_triggers = on` on all servers, and connect again.',
                current_database());
    end if;
    if to_regclass('users') is null then
        raise exception 'there is no table `users` in the schema %; nothing was changed', coalesce(current_schema(), 'none')
            using hint = 'Run `app migrate deploy` first, and this in the same database and schema.';
    end if;
end
$$;

create temporary table tables_to_distribute on commit drop as
select c.oid as id
from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attname = 'user_id' and not a.attisdropped
where c.relnamespace = to_regnamespace(current_schema()) and c.relkind in ('r', 'p') and not c.relispartition
    and c.oid not in (select logicalrelid from pg_dist_partition where partmethod = 'h');

create temporary table tables_to_replicate on commit drop as
select 'users'::regclass::oid as id
where 'users'::regclass::oid not in (select logicalrelid from pg_dist_partition where repmodel = 't');

-- Tables with foreign keys would have to be distributed in the order of those, and a table that refers to `users` could not be distributed
-- at all: so the keys are dropped, and added again.
create temporary table keys_to_add on commit drop as
select conrelid::regclass as of_table, conname as name, pg_get_constraintdef(oid) as definition
from pg_constraint
where contype = 'f' and conparentid = 0
    and (conrelid in (table tables_to_distribute) or confrelid in (table tables_to_distribute) or confrelid in (table tables_to_replicate));

\unset QUIET
select format('alter table %s drop constraint %I', of_table, name) from keys_to_add order by of_table::text, name \gexec
select format('select create_distributed_table(%L, %L)', id::regclass, 'user_id') from tables_to_distribute order by id::regclass::text \gexec
select format('select create_reference_table(%L)', id::regclass) from tables_to_replicate \gexec
select format('alter table %s add constraint %I %s', of_table, name, definition) from keys_to_add order by of_table::text, name \gexec
commit;
