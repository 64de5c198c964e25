# syntax=docker/dockerfile:1

# toolchain → deps → build → (final image)
#          ↘ dev
#
# Nothing here is of one architecture. No `RUN --mount` is used, so that builders without BuildKit manage too.

ARG RUST_VERSION=1.95

FROM rust:${RUST_VERSION}-slim-bookworm AS toolchain
WORKDIR /src
ENV CARGO_TERM_COLOR=never

# --- dependencies: a layer of their own, built again only when the manifests change -----------------------------------
FROM toolchain AS deps
# Linked into one file with all libraries, so that the final image needs none. The target is named, though it is the one
# that is built on, because otherwise the flag would be for procedural macros as well, which cannot be static.
ENV CARGO_INCREMENTAL=0 CARGO_BUILD_TARGET=host-tuple RUSTFLAGS="-C target-feature=+crt-static"
COPY Cargo.toml Cargo.lock ./
COPY crates/embedded-postgres/Cargo.toml crates/embedded-postgres/
COPY crates/migrate/Cargo.toml crates/migrate/
COPY .cargo .cargo
# Empty packages stand in for the program and its libraries. Everything built of them is deleted, so that it is never taken
# for the real ones.
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
# Without the private PostgreSQL: in containers the database is a service of its own.
RUN cargo build --release --locked --no-default-features \
 && cp target/*/release/app /app

# --- development: hot reload of the sources that are mounted on /src --------------------------------------------------
FROM toolchain AS dev
RUN cargo install cargo-watch --version 8.5.3 --locked
# The mounted rust-toolchain.toml names components that the image may lack; with this name rustup takes what is here.
RUN rustup toolchain link image "$(rustc --print sysroot)"
COPY docker/dev /usr/local/dev
RUN ln -s as-owner /usr/local/dev/cargo \
 && ln -s as-owner /usr/local/dev/app
ENV RUSTUP_TOOLCHAIN=image CARGO_TARGET_DIR=/target APP_PROFILE=dev PATH=/usr/local/dev:$PATH
EXPOSE 3000
STOPSIGNAL SIGTERM
ENTRYPOINT ["as-owner"]
# The whole folder is watched and not single files, because an editor that puts a new file in the old one's place ends
# the watch of that.
CMD ["cargo", "watch", "-i", "tests/**", "-i", "crates/*/tests/**", "-i", "crates/*/examples/**", "-i", "docs/**", "-i", "benches/**", "-i", "backups/**", "-i", "*.md", "-x", "run -- serve"]

# --- the final image: the program, CA certificates, and nothing to log in to; time zones are in the program -------------
FROM gcr.io/distroless/static-debian12:nonroot
ARG REVISION=unknown
LABEL org.opencontainers.image.title="expense-tracker-api" \
      org.opencontainers.image.description="An expense-tracker API with its migrations inside" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /app /usr/local/bin/app
ENV APP_PROFILE=prod PORT=3000
EXPOSE 3000
STOPSIGNAL SIGTERM
# Alive, not ready: while migrations are pending a restart would help nobody.
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s --retries=3 CMD ["app", "healthcheck"]
CMD ["app"]
