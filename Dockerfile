# syntax=docker/dockerfile:1

# toolchain → deps → build → (final image)
#          ↘ dev
#
# Builds on any architecture. Does not use `RUN --mount`, so that builders without BuildKit work, too.

ARG RUST_VERSION=1.95

FROM rust:${RUST_VERSION}-slim-bookworm AS toolchain
WORKDIR /src
ENV CARGO_TERM_COLOR=never

# --- dependencies: a layer of their own, rebuilt only when the manifests change ---------------------------------------
FROM toolchain AS deps
# Statically linked, so that the final image needs no libraries. The target is named explicitly, although it is the
# host's, because otherwise the flag would apply to procedural macros as well, which cannot be static.
ENV CARGO_INCREMENTAL=0 CARGO_BUILD_TARGET=host-tuple RUSTFLAGS="-C target-feature=+crt-static"
COPY Cargo.toml Cargo.lock ./
COPY crates/embedded-postgres/Cargo.toml crates/embedded-postgres/
COPY crates/migrate/Cargo.toml crates/migrate/
COPY .cargo .cargo
# Empty packages stand in for the program and its libraries. Their build results are deleted, so that they are never
# mistaken for the real ones.
RUN mkdir src crates/embedded-postgres/src crates/migrate/src \
 && touch src/lib.rs crates/embedded-postgres/src/lib.rs crates/migrate/src/lib.rs \
 && echo 'fn main() {}' > src/main.rs \
 && cargo build --release --locked --no-default-features \
 && for name in app embedded migrate; do \
      rm -rf target/*/release/.fingerprint/$name-* target/*/release/deps/$name[-_]* target/*/release/deps/lib$name[-_]*; \
    done \
 && rm -rf src crates/*/src

# --- the program ------------------------------------------------------------------------------------------------------
FROM deps AS build
COPY . .
# Without the private PostgreSQL, because in containers the database is a separate service.
RUN cargo build --release --locked --no-default-features \
 && cp target/*/release/app /app

# --- development: rebuilds the sources mounted on /src when they change ------------------------------------------------
FROM toolchain AS dev
RUN cargo install cargo-watch --version 8.5.3 --locked
# The mounted rust-toolchain.toml lists components that the image may lack; this makes rustup use the image's toolchain.
RUN rustup toolchain link image "$(rustc --print sysroot)"
COPY docker/dev /usr/local/dev
RUN ln -s as-owner /usr/local/dev/cargo \
 && ln -s as-owner /usr/local/dev/app
ENV RUSTUP_TOOLCHAIN=image CARGO_TARGET_DIR=/target APP_PROFILE=dev PATH=/usr/local/dev:$PATH
EXPOSE 3000
STOPSIGNAL SIGTERM
ENTRYPOINT ["as-owner"]
# Watches the whole folder instead of single files, because an editor that replaces a file ends the watch on it.
CMD ["cargo", "watch", "-i", "tests/**", "-i", "crates/*/tests/**", "-i", "crates/*/examples/**", "-i", "docs/**", "-i", "benches/**", "-i", "backups/**", "-i", "*.md", "-x", "run -- serve"]

# --- the final image: the program and CA certificates, no shell; time zones are compiled in -----------------------------
FROM gcr.io/distroless/static-debian12:nonroot
ARG REVISION=unknown
LABEL org.opencontainers.image.title="expense-tracker-api" \
      org.opencontainers.image.description="An expense-tracker API with its migrations built in" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /app /usr/local/bin/app
ENV APP_PROFILE=prod PORT=3000
EXPOSE 3000
STOPSIGNAL SIGTERM
# Liveness, not readiness: while migrations are pending, a restart would not help.
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s --retries=3 CMD ["app", "healthcheck"]
CMD ["app"]
