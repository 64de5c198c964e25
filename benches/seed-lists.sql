-- The data for measuring lists: list-0@example.com, a registered user, with :own transactions of ten years,
-- and :others more users with :each. Titles are of two to four words, of which a few are common and most are rare; a part has
-- a payee, a note, tags. `search` is what the program makes of them: the words here are folded already.

create temporary table words as
select row_number() over () as k, word from unnest(string_to_array(
    'coffee,lunch,dinner,taxi,market,rent,salary,train,noodles,rice,grab,water,bread,pizza,movie,book,shoes,shirt,doctor,phone,'
    'internet,fuel,parking,bus,ferry,hotel,flight,gift,party,bakery,chicken,pork,beef,salad,soup,sushi,ramen,tea,juice,beer,wine,'
    'ticket,concert,museum,gym,massage,haircut,laundry,soap,paper,pencil,school,course,exam,garden,flowers,tools,paint,lamp,chair,'
    'table,sofa,carpet,curtain,kettle,toaster,oven,fridge,mixer,camera,laptop,tablet,printer,cable,battery,charger,headset,speaker,'
    'monitor,keyboard,insurance,tax,fee,loan,interest,dividend,bonus,refund,deposit,donation,membership,subscription,repair,service,'
    'ข้าวมันไก่,กาแฟ,ก๋วยเตี๋ยว,ส้มตำ,ผัดไทย,ชานม,น้ำมัน,รถไฟฟ้า,แท็กซี่,ค่าเช่า,ค่าไฟ,ค่าน้ำ,เงินเดือน,หนังสือ,เสื้อผ้า,รองเท้า,ของขวัญ,ตลาด,ยา,ขนม,'
    'berlin,tokyo,paris,london,bangkok,osaka,lisbon,madrid,vienna,prague,athens,dublin,oslo,helsinki,warsaw,zurich,geneva,milan,naples,'
    'monday,tuesday,friday,sunday,january,spring,summer,autumn,winter,morning,evening,weekend,holiday,office,home,family,kids,dog,cat',
    ',')) as word;

create temporary table more as
select 'batch' || substr(md5(n::text), 1, 6) as word from generate_series(1, 3000) n;

insert into users (email, name, password_hash)
select 'list-' || n || '@example.com', 'List ' || n, (select password_hash from users where email = 'list-0@example.com')
from generate_series(1, :others) as n;

insert into categories (user_id, kind, name, position)
select u.id, d.kind, d.name, d.position
from users u cross join (select kind, name, position from categories where user_id = (select id from users where email = 'list-0@example.com')) d
where u.email like 'list-%' and u.email <> 'list-0@example.com';

insert into categories (user_id, kind, name, parent_id, position)
select c.user_id, c.kind, c.name || ' ' || n, c.id, n
from categories c join users u on u.id = c.user_id cross join generate_series(1, 3) n
where u.email like 'list-%' and c.name in ('Food & Dining', 'Transportation', 'Shopping');

insert into payees (user_id, name, search)
select u.id, 'Payee ' || n, ' payee ' || n || E' \n2' from users u cross join generate_series(1, 500) n where u.email like 'list-%'
order by u.id, n;

insert into tags (user_id, name)
select u.id, 'tag ' || n from users u cross join generate_series(1, 30) n where u.email like 'list-%'
order by u.id, n;

-- Indexes are built after the rows, which is faster. Their definitions are read from the schema.
create temporary table built_after as
select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition
from pg_index
where indrelid = 'transactions'::regclass and not exists (select from pg_constraint where conindid = indexrelid);
select format('drop index %s', name) from built_after \gexec

insert into transactions (
    user_id, title, amount, currency, type, category_id, date, note, payee_id, category_source, search, created_at, updated_at
)
select
    s.user_id,
    s.title,
    s.amount,
    s.currency,
    (s.categories[1 + s.c % cardinality(s.categories)]::text::json ->> 'kind')::transaction_type,
    (s.categories[1 + s.c % cardinality(s.categories)]::text::json ->> 'id')::bigint,
    s.date,
    s.note,
    s.payee_id,
    'USER',
    ' ' || s.title || ' ' || E'\n \n' || coalesce(' ' || s.note || ' ', ' ') || E'\n2',
    s.date + time '12:00',
    s.date + time '12:00'
from (
    select
        u.id as user_id,
        concat_ws(' ', w.list[1 + (power(random(), 2.5) * (cardinality(w.list) - 1))::int],
            w.list[1 + (power(random(), 1.5) * (cardinality(w.list) - 1))::int],
            case when random() < 0.3 then m.list[1 + (random() * 2999)::int] end,
            case when random() < 0.00002 then 'zanzibar' end) as title,
        case when random() < 0.02 then m.list[1 + (random() * 2999)::int] || ' note' end as note,
        round((power(random(), 3) * 5000 + 1)::numeric, 2) as amount,
        case when random() < 0.97 then 'THB' when random() < 0.9 then 'USD' else 'EUR' end as currency,
        (power(random(), 2) * cardinality(k.list))::int as c,
        k.list as categories,
        date '2026-12-31' - (random() * 3650)::int as date,
        case when random() < 0.6 then p.first + (power(random(), 2) * 499)::int end as payee_id
    from users u
    cross join lateral generate_series(1, case when u.email = 'list-0@example.com' then :own else :each end) n
    cross join (select array_agg(word order by k) as list from words) w
    cross join (select array_agg(word) as list from more) m
    join (select user_id, array_agg(json_build_object('id', id, 'kind', kind) order by kind desc, id) as list from categories group by user_id) k
        on k.user_id = u.id
    join (select user_id, min(id) as first from payees group by user_id) p on p.user_id = u.id
    where u.email like 'list-%'
) s
-- Rows are entered in the order of time, mixed over all users.
order by s.date;

select definition from built_after \gexec

alter table transaction_tags disable trigger take_from_transaction;
insert into transaction_tags (user_id, transaction_id, tag_id, date, amount)
select t.user_id, t.id, g.first + (power(t.id % 1000 / 1000.0, 3) * 29)::int, t.date, t.amount
from transactions t join (select user_id, min(id) as first from tags group by user_id) g on g.user_id = t.user_id
where t.id % 7 = 0;
alter table transaction_tags enable trigger take_from_transaction;
