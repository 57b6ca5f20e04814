# Vitrine and the programs it works with: every service of docker-compose.yml runs this image.
ARG BASE=node:20-bookworm-slim

FROM ${BASE} AS build
WORKDIR /opt/vitrine
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund --loglevel=error
COPY . .
RUN node scripts/build.mjs && npm prune --omit=dev --no-audit --no-fund --loglevel=error

FROM ${BASE}
RUN apt-get update -q \
 && apt-get install -qy --no-install-recommends iproute2 nftables iptables conntrack util-linux mount busybox-static perl-base curl \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/vitrine/bin /opt/vitrine/bin
COPY --from=build /opt/vitrine/dist /opt/vitrine/dist
COPY --from=build /opt/vitrine/node_modules /opt/vitrine/node_modules
COPY docker/enter.sh /opt/vitrine/docker/enter.sh
RUN ln -s /opt/vitrine/bin/vitrine /usr/local/bin/vitrine
ENTRYPOINT ["/opt/vitrine/docker/enter.sh"]
CMD ["vitrine", "--help"]
