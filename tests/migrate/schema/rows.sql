insert into parents (name, nick, state, feeling, obsolete, amount, small, size, code, note)
select 'parent ' || n, 'nick ' || n, (array['new', 'open', 'done'])[1 + n % 3]::status,
    (array['glad', 'so-so'])[1 + n % 2]::mood, 'gone', n * 1.25, n, n, 'c' || n, 'note ' || n
from generate_series(1, 500) n;
insert into children (parent_id, parent_state, during, born, weight, flags)
select id, state, daterange('2026-01-01', '2026-02-01'), date '2020-01-01' + id, id, jsonb_build_object('name', 'child ' || id)
from parents;
insert into queue (title) select 'title ' || n from generate_series(1, 20) n;
insert into planned (id, queue_id, room, during) select id, id, 1, tsrange('2026-01-01', '2026-01-02') from queue;
insert into old_table select n, 'value ' || n from generate_series(1, 50) n;
insert into dropped select n, 'value ' || n from generate_series(1, 10) n;
insert into scratch select generate_series(1, 10);
insert into billing.invoices (total, parent_id) select amount, id from parents where id <= 100;
insert into first_of_two values (1, null);
insert into second_of_two values (1, 1);
update first_of_two set other = 1;
refresh materialized view totals;
