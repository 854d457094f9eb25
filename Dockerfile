# syntax=docker/dockerfile:1

# The version of rust-toolchain.toml, and the Debian release of the image below.
FROM rust:1.95.0-bookworm AS build
WORKDIR /src
COPY . .
# What was fetched and compiled is kept between builds, so only what changed is compiled
# again. The caches are no part of any layer: the program is taken out of them here.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --release --locked --package triggerfish \
    && install -D --strip target/release/triggerfish /out/triggerfish

FROM debian:bookworm-slim
# Certificates of the authorities by which subscribers and brokers are known.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 10001 triggerfish \
    && useradd --system --uid 10001 --gid triggerfish --home-dir /data --no-create-home \
        --shell /usr/sbin/nologin triggerfish \
    && install --directory --owner=triggerfish --group=triggerfish /data
COPY --from=build /out/triggerfish /usr/local/bin/triggerfish

ENV TRIGGERFISH_API__LISTEN=0.0.0.0:8080 \
    TRIGGERFISH_STORAGE__DATA_DIR=/data \
    TRIGGERFISH_LOG__FORMAT=json
USER 10001:10001
WORKDIR /data
# Views that are built from the log, and the log itself on the embedded engine. A process
# needs a folder of its own.
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --retries=3 --start-period=2m --start-interval=1s \
    CMD ["triggerfish", "health"]
ENTRYPOINT ["triggerfish"]
CMD ["all"]
