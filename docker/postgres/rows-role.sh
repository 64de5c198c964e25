#!/bin/sh
# Creates the serving role, which may log in, and read and write rows once `app migrate deploy` has granted it the rights.
# The image runs this when it initializes a volume. For an existing volume, or for a new password:
#
#   docker compose exec postgres /docker-entrypoint-initdb.d/rows-role.sh
set -eu

# With secrets in files the role has a password of its own, otherwise that of the owner.
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

# Passed in the environment, because arguments can be read by other users of the machine.
role=$ROWS_ROLE password=$password psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" \
  --dbname "$POSTGRES_DB" <<'SQL'
\getenv role role
\getenv password password
select format('create role %I', :'role')
where not exists (select from pg_roles where rolname = :'role') \gexec
alter role :"role" with login nosuperuser nocreatedb nocreaterole noreplication nobypassrls password :'password';
SQL
echo "the role $ROWS_ROLE can log in"
