create table default_categories (
    user_id bigint not null,
    id bigint generated always as identity,
    kind transaction_type not null,
    origin text not null,
    category_id bigint,
    constraint default_categories_pkey PRIMARY KEY (user_id, id),
    constraint default_categories_origin_key UNIQUE (user_id, kind, origin),
    constraint default_categories_origin_length CHECK (char_length(origin) >= 1 AND char_length(origin) <= 100)
);

alter table default_categories add constraint default_categories_category_fkey FOREIGN KEY (user_id, category_id, kind) REFERENCES categories(user_id, id, kind) ON DELETE SET NULL (category_id);
alter table default_categories add constraint default_categories_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
create TRIGGER record_delete AFTER DELETE ON default_categories REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_delete('id');
create TRIGGER record_insert AFTER INSERT ON default_categories REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_insert('id');
create TRIGGER record_update AFTER UPDATE ON default_categories REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('app.operation'::text, true) <> ''::text) EXECUTE FUNCTION record_update();

-- Those that still have their names. What was renamed or deleted before is not known, and is made once more when it is needed.
insert into default_categories (user_id, kind, origin, category_id)
select distinct on (c.user_id, c.kind, c.name) c.user_id, c.kind, c.name, c.id
from categories c
where (c.kind, c.name) in (
    ('EXPENSE', 'Food & Dining'), ('EXPENSE', 'Transportation'), ('EXPENSE', 'Shopping'), ('EXPENSE', 'Entertainment'),
    ('EXPENSE', 'Bills & Utilities'), ('EXPENSE', 'Healthcare'), ('EXPENSE', 'Education'), ('EXPENSE', 'Rent'),
    ('EXPENSE', 'Other'), ('INCOME', 'Salary'), ('INCOME', 'Freelance'), ('INCOME', 'Investment'), ('INCOME', 'Gift'),
    ('INCOME', 'Other')
)
order by c.user_id, c.kind, c.name, c.parent_id is not null, c.id;
