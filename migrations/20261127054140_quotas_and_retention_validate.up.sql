-- may fail: every row of operations has to obey operations_undoes_fkey
alter table operations validate constraint operations_undoes_fkey;

-- may fail: every row of operations has to obey operations_undone_by_fkey
alter table operations validate constraint operations_undone_by_fkey;
