-- GET /api/transactions/dashboard
\set user random(:first_user, :last_user)
select
    currency,
    time_zone,
    array(select o.id from operations o where o.user_id = :user order by o.id desc limit :compared) as "changes!"
from users
where id = :user;
select
    currency,
    coalesce(sum(amount) filter (where date >= :first and type = 'INCOME'), 0) as "income!",
    coalesce(sum(amount) filter (where date >= :first and type = 'EXPENSE'), 0) as "expense!",
    count(*) filter (where date >= :first) as "count!",
    coalesce(sum(amount) filter (where date < :first and type = 'INCOME'), 0) as "previous_income!",
    coalesce(sum(amount) filter (where date < :first and type = 'EXPENSE'), 0) as "previous_expense!"
from transactions
where user_id = :user and date >= :previous and date < :next
group by currency
order by currency;
