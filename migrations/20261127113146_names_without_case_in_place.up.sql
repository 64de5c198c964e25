-- squawk-ignore ban-drop-constraint -- the stricter index takes its place at once
alter table categories drop constraint categories_name_key;
-- squawk-ignore renaming-object -- it takes no time, and the program goes by the name
alter index categories_name_key_new rename to categories_name_key;

-- squawk-ignore ban-drop-constraint -- the stricter index takes its place at once
alter table payees drop constraint payees_name_key;
-- squawk-ignore renaming-object -- it takes no time, and the program goes by the name
alter index payees_name_key_new rename to payees_name_key;

-- squawk-ignore ban-drop-constraint -- the stricter index takes its place at once
alter table tags drop constraint tags_name_key;
-- squawk-ignore renaming-object -- it takes no time, and the program goes by the name
alter index tags_name_key_new rename to tags_name_key;
