create schema shop;
create type shop.state as enum ('new', 'paid');
create function shop.now_utc() returns timestamp language sql as $$ select now() at time zone 'utc'; $$;
create table shop.customers (
    id bigint generated always as identity primary key,
    email text not null unique
);
create table shop.orders (
    id serial primary key,
    customer_id bigint not null references shop.customers,
    state shop.state not null default 'new',
    note text,
    total numeric(16, 4) not null check (total >= 0),
    doubled numeric(16, 4) generated always as (total * 2) stored
);
create index orders_open on shop.orders (customer_id) where state = 'new';
comment on table shop.orders is 'What was bought; "quoted" and it''s fine';
create view shop.open_orders as select * from shop.orders where state = 'new';
create function shop.touch() returns trigger language plpgsql as $body$
begin
    new.note := coalesce(new.note, ';');
    return new;
end
$body$;
create trigger touch before insert on shop.orders for each row execute function shop.touch();
insert into shop.customers (email) values ('a@example.com');
insert into shop.orders (customer_id, total) values (1, 12.5);
