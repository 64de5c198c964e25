create schema side;
create type state as enum ('new', 'done');
create domain positive as integer check (value > 0);
create sequence numbers;
create function half(value integer) returns integer language sql immutable as 'select value / 2';
create function touch() returns trigger language plpgsql as 'begin return new; end';
create table users (
    id bigint generated always as identity primary key,
    email text not null unique,
    nick text,
    age integer default 18 constraint users_age_check check (age > 0),
    twice integer generated always as (age * 2) stored,
    state state not null default 'new',
    size positive
);
create table notes (id bigint primary key, user_id bigint references users, text text);
create table alone (id bigint);
create index users_by_nick on users (nick);
create statistics users_statistics (dependencies) on nick, age from users;
create view adults as select id, email from users where age > 18;
create materialized view totals as select count(*) as number from users;
create trigger touch before update on users for each row execute function touch();
alter table users enable row level security;
create policy own on users using (age > 1);
grant select on notes to public;
comment on table users is 'Who uses it';
