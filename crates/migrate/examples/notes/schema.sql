create table notes (
    id bigint generated always as identity primary key,
    title text not null check (length(title) between 1 and 200),
    body text
);
