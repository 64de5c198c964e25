set local check_function_bodies = off;

create or replace function hash_kind(password_hash text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
AS $function$
    select substring(password_hash from '^([$]2[a-z]?[$][0-9]+|[$]argon2[a-z]+[$]v=[0-9]+[$][a-z0-9=,]+)[$]')
$function$;

create table invites (
    id bigint generated always as identity,
    code_hash bytea not null,
    uses_left bigint not null,
    created_at timestamp with time zone default now() not null,
    expires_at timestamp with time zone not null,
    constraint invites_pkey PRIMARY KEY (id),
    constraint invites_code_hash_key UNIQUE (code_hash),
    constraint invites_code_hash_length CHECK (octet_length(code_hash) = 32),
    constraint invites_uses_left_range CHECK (uses_left >= 0 AND uses_left <= 1000)
);

create table known_networks (
    user_id bigint not null,
    network bytea not null,
    last_used_at timestamp with time zone default now() not null,
    constraint known_networks_pkey PRIMARY KEY (user_id, network),
    constraint known_networks_network_length CHECK (octet_length(network) = 16)
);

create unlogged table sign_in_failures (
    key bytea not null,
    forgotten_at timestamp with time zone not null,
    constraint sign_in_failures_pkey PRIMARY KEY (key),
    constraint sign_in_failures_key_length CHECK (octet_length(key) = 16)
);

alter table known_networks add constraint known_networks_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
