# The service in a small image. Build and run:
#
#   docker build -t umbel .
#   docker run --rm -p 127.0.0.1:8080:8080 -v "$PWD/demo/bases:/models:ro" -v umbel-data:/data \
#       umbel serve --base shapes-sd=/models/shapes-sd
#
# Not built yet where it was written, for want of Docker; the build command was run on Debian 12 and its result needs the
# libraries named here.
#
# The Swift runtime is linked into the binary; libcurl, OpenSSL, SQLite, zlib, libpng, libjpeg and libwebp come from
# Debian in both stages, so both must be of the same Debian release.

FROM swift:6.3-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends libcurl4-openssl-dev libjpeg62-turbo-dev libopenblas-dev \
        libpng-dev libsqlite3-dev libssl-dev libwebp-dev pkg-config zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
# The manifest names the folders of tests and benchmarks, so they have to be there.
COPY Package.swift ./
COPY Tests ./Tests
COPY Benchmarks ./Benchmarks
COPY Sources ./Sources
RUN swift build -c release --product umbel --static-swift-stdlib \
    && install -D "$(swift build -c release --product umbel --static-swift-stdlib --show-bin-path)/umbel" /out/umbel

FROM debian:bookworm-slim
# curl is for the health check only, ca-certificates for umbel push and its like to an https address.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl libcurl4 libjpeg62-turbo libpng16-16 \
        libsqlite3-0 libssl3 libstdc++6 libwebp7 zlib1g \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home umbel \
    && install -d -o umbel -g umbel /data
COPY --from=build /out/umbel /usr/local/bin/umbel
COPY Config/umbel.yaml /etc/umbel/umbel.yaml
# Inside a container loopback is nobody else's; publish the port with care, the service has no authentication.
ENV UMBEL_SERVER_LISTEN=0.0.0.0:8080 UMBEL_DATA_FOLDER=/data
USER umbel
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s CMD curl -fsS http://127.0.0.1:8080/readyz > /dev/null
ENTRYPOINT ["umbel"]
CMD ["serve", "--config", "/etc/umbel/umbel.yaml"]
