drop index operations_by_undoes;
drop index operations_by_undone_by;
