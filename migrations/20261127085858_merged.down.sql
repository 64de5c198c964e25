-- data loss: the table public.merged and all of its rows
drop table merged;
