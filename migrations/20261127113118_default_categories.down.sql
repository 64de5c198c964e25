-- data loss: the table public.default_categories and all of its rows
drop table default_categories;
