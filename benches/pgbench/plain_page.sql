-- The plainest page: 20 rows in their order, from the index alone.
\set day random(2014, 2025) * 10000 + random(1, 12) * 100 + random(1, 28)
select date, id, amount from transactions
where user_id = :reader and (date, id) < (:day, :last_id)
order by date desc, id desc
limit 20;
