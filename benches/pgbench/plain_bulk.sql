-- The plainest change of many rows: of a month of a user, in a table with a primary key and one index.
\set user random(:first_user, :last_user)
\set note random(1, 1000000000)
update plain_many set note = :note where user_id = :user and number between 301 and 330;
