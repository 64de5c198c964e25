# What is done again and again. CI calls the same recipes. `just` alone lists them.

set shell := ["bash", "-euo", "pipefail", "-c"]

# List the recipes
default:
    @just --list

# Run the server, with a private PostgreSQL and the migrations applied
run *ARGS:
    cargo run -- {{ARGS}}

# Pass all tests
test *ARGS:
    cargo test {{ARGS}}

# Everything that CI checks besides the tests
check: fmt-check clippy docs deny query-cache

# Format the sources
fmt:
    cargo fmt --all

fmt-check:
    cargo fmt --all -- --check

# Lints, with and without the private PostgreSQL; a warning is an error
clippy:
    cargo clippy --all-targets -- -D warnings
    cargo clippy --no-default-features -- -D warnings

# The documentation of the code; a broken link is an error
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items

# Licences, sources and banned crates; known vulnerabilities too where the advisory database can be reached
deny:
    cargo deny --all-features check bans licenses sources
    @if cargo deny fetch db 2>/dev/null; then \
        cargo deny --all-features check advisories; \
    else \
        echo "the advisory database cannot be reached from here: advisories were not checked"; \
    fi

# Make .sqlx anew after a change of SQL or of a migration
prepare:
    scripts/query-cache write

# Hold the OpenAPI document against three validators; they are installed under target/ (needs Python and Node.js)
validate-document:
    scripts/validate-document

# Three generated clients of the API, type-checked and taken through a session; installed under target/ (needs Python and Node.js)
clients:
    tests/clients/run

# The documentation page in Chromium: sign in, authorize, every operation as it stands (needs Node.js and Chromium)
browser:
    tests/browser/run

# Hold .sqlx against the SQL in the sources and the schema of the migrations
query-cache:
    scripts/query-cache check

# Follow the guides in docs/ to the letter in a clone, and leave out each step in turn; builds about twenty times
try-guides:
    cargo build
    scripts/try-guide docs/adding-a-feature.md
    scripts/try-guide docs/adding-a-column.md

# Try all migrations forth and back, and hold schema.sql against them; a test does the same
verify:
    cargo run -- migrate verify

# The owner of an account signs in while strangers attack it, for a minute each and with the costs of prod
sign-in-attack:
    SIGN_IN_ATTACK_SECONDS=60 cargo test --release --test main -- --nocapture api::sign_in::the_owner

# The tests on PostgreSQL 15 and on 18; both are fetched where they are not installed
test-majors:
    scripts/test-majors

# Schemas and changes nobody has tried yet, and whether the way between them is found; a failure names its seed
pairs N="2000":
    PAIRS={{N}} SEED=$(date +%s)000000 cargo test --test main random_changes -- --nocapture

# Requests of every route abandoned at random moments, a table locked for 31 s meanwhile, and what is left afterwards
abandon N="20000":
    ABANDON={{N}} cargo test --test main abandoned -- --nocapture

# Changes of one user's data at once: so many rounds of each race, and so many random operations of eight clients
races ROUNDS="200" OPERATIONS="100000":
    ROUNDS={{ROUNDS}} MODEL={{OPERATIONS}} cargo test --test main -- --nocapture api::races api::model

# The original's whole sample, taken over in all three ways, and killed at twenty moments
take-over ROWS="100000":
    TAKE_OVER={{ROWS}} cargo test --release --test main -- --nocapture take_over

# docs/docker.md, gone through with a real Docker: all of it, a quarter of an hour and more, or the parts that are named
docker-test *PARTS:
    tests/docker/run {{PARTS}}

# A month of a real person's, posted and checked against sums worked out by itself (the server has to run)
month:
    python3 examples/month.py

# Performance figures, against pgbench with the same SQL in the same run
bench *ARGS:
    benches/run {{ARGS}}

# Attacks on the release binary in a memory limit, and what others notice; a quarter of an hour, or the attacks that are named
attack *ARGS:
    attacks/run {{ARGS}}

# Schemathesis against the release binary: all checks, signed in, 10,000 cases and more; it is installed under target/
fuzz-api *ARGS:
    attacks/fuzz-api {{ARGS}}

# Every parser of what comes from outside, for so many seconds each
fuzz SECONDS="300":
    FUZZ_SECONDS={{SECONDS}} cargo test --test main fuzz:: -- --nocapture
