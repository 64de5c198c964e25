-- The plainest durable insert: a table with a primary key and one index.
\set user random(:first_user, :last_user)
insert into plain_rows (user_id, title, amount) values (:user, :title, 60.5);
