drop function hash_kind(text);

-- data loss: the table public.invites and all of its rows
drop table invites;

-- data loss: the table public.known_networks and all of its rows
drop table known_networks;

-- data loss: the table public.sign_in_failures and all of its rows
drop table sign_in_failures;
