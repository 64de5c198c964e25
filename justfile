# Recipes for development and CI. `just` without arguments lists them.

set shell := ["bash", "-euo", "pipefail", "-c"]

# List the recipes
default:
    @just --list

# Run the server with a private PostgreSQL and all migrations applied
run *ARGS:
    cargo run -- {{ARGS}}

# Run all tests
test *ARGS:
    cargo test {{ARGS}}

# Everything that CI checks besides the tests
check: fmt-check clippy docs deny query-cache

# Format the sources
fmt:
    cargo fmt --all

fmt-check:
    cargo fmt --all -- --check

# Run the lints, with and without the private PostgreSQL; warnings are errors
clippy:
    cargo clippy --workspace --all-targets -- -D warnings
    cargo clippy --workspace --no-default-features -- -D warnings

# Build the rustdoc documentation; broken links are errors
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items

# Check licences, sources and banned crates, and known vulnerabilities if the advisory database can be reached
deny:
    cargo deny --workspace --all-features check bans licenses sources
    @if cargo deny fetch db 2>/dev/null; then \
        cargo deny --workspace --all-features check advisories; \
    else \
        echo "the advisory database cannot be reached from here: advisories were not checked"; \
    fi

# Regenerate .sqlx after a change of SQL or of a migration
prepare:
    scripts/query-cache write

# Check the OpenAPI document with three validators, installed under target/ (needs Python and Node.js)
validate-document:
    scripts/validate-document

# Generate three API clients, type-check them and run a session with each; installed under target/ (needs Python and Node.js)
clients:
    tests/clients/run

# Test the documentation page in Chromium: sign in, authorize, run every operation (needs Node.js and Chromium)
browser:
    tests/browser/run

# Check .sqlx against the SQL in the sources and the schema of the migrations
query-cache:
    scripts/query-cache check

# Follow the guides in docs/ word for word in a clone, and leave out each step in turn; builds about twenty times
try-guides:
    cargo build
    scripts/try-guide docs/adding-a-feature.md
    scripts/try-guide docs/adding-a-column.md

# Apply and revert all migrations, and compare the result with schema.sql; a test does the same
verify:
    cargo run -- migrate verify

# Sign in to an account while strangers attack it, for a minute per attack and with production password costs
sign-in-attack:
    SIGN_IN_ATTACK_SECONDS=60 cargo test --release --test main -- --nocapture api::sign_in::the_owner

# Run the tests on PostgreSQL 15 and 18, which are downloaded if they are not installed
test-majors:
    scripts/test-majors

# Generate migrations between random schemas and check them; a failure prints its seed
pairs N="2000":
    PAIRS={{N}} SEED=$(date +%s)000000 cargo test --test main random_changes -- --nocapture

# Abandon requests to every route at random moments while a table is locked, and check for leftovers
abandon N="20000":
    ABANDON={{N}} cargo test --test main abandoned -- --nocapture

# Change the data of one user concurrently: rounds of each race, and random operations of eight clients
races ROUNDS="200" OPERATIONS="100000":
    ROUNDS={{ROUNDS}} MODEL={{OPERATIONS}} cargo test --test main -- --nocapture api::races api::model

# Run the tests of the API on tables that are partitioned by user, and list the statements that read several partitions. Tests that look
# at the tables themselves may fail there, and are not counted
sharding *TESTS="api::":
    rm -f target/several-partitions.sql
    cargo test --test main --no-run
    TEST_TWIN=$PWD/target/several-partitions.sql cargo test --test main -- {{TESTS}} || true
    @if [ -s target/several-partitions.sql ]; then cat target/several-partitions.sql; exit 1; fi

# Take over the original's full sample from all three sources, and kill it at twenty moments
take-over ROWS="100000":
    TAKE_OVER={{ROWS}} cargo test --release --test main -- --nocapture take_over

# Three servers behind PgBouncer, every answer compared with the client's own model (needs Python; fetches PgBouncer into target/)
pooler-test *ARGS:
    tests/pooler/run {{ARGS}}

# A primary that is killed and switched over, under creates with a key (needs Patroni, etcd and HAProxy)
ha-test *ARGS:
    tests/failover/run {{ARGS}}

# Follow docs/docker.md with a real Docker: all of it (15 minutes or more), or the named parts
docker-test *PARTS:
    tests/docker/run {{PARTS}}

# Enter four months of sample data through the API and check all sums (the server has to run)
month:
    python3 examples/month.py

# Measure performance, relative to pgbench with the same SQL in the same run
bench *ARGS:
    benches/run {{ARGS}}

# Attack the release binary under a memory limit and measure the effect on other users: all attacks (15 minutes), or the named ones
attack *ARGS:
    attacks/run {{ARGS}}

# Run Schemathesis against the release binary: all checks, signed in, 10,000 cases or more; installed under target/
fuzz-api *ARGS:
    attacks/fuzz-api {{ARGS}}

# Fuzz every parser of external input, for the given number of seconds each
fuzz SECONDS="300":
    FUZZ_SECONDS={{SECONDS}} cargo test --test main fuzz:: -- --nocapture
