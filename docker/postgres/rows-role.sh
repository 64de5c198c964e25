#!/bin/sh
# Makes the role that the API serves as: it may log in, and read and write rows once `app migrate deploy` has given it the
# rights to. The image runs this when it makes a new volume. For a volume that is there already, or for a new password:
#
#   docker compose exec postgres /docker-entrypoint-initdb.d/rows-role.sh
set -eu

# With the secrets in files the role has a password of its own; else it has the owner's.
password=${ROWS_PASSWORD:-}
for file in "${ROWS_PASSWORD_FILE:-}" "${POSTGRES_PASSWORD_FILE:-}"; do
  if [ -z "$password" ] && [ -n "$file" ]; then
    password=$(cat "$file")
  fi
done
password=${password:-$POSTGRES_PASSWORD}

if [ "$ROWS_ROLE" = "$POSTGRES_USER" ]; then
  echo "the API serves as the owner ($POSTGRES_USER): there is no other role to make"
  exit 0
fi

# By the environment and not by an argument, which others on the machine could read.
role=$ROWS_ROLE password=$password psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" \
  --dbname "$POSTGRES_DB" <<'SQL'
\getenv role role
\getenv password password
select format('create role %I', :'role')
where not exists (select from pg_roles where rolname = :'role') \gexec
alter role :"role" with login nosuperuser nocreatedb nocreaterole noreplication nobypassrls password :'password';
SQL
echo "the role $ROWS_ROLE can log in"
