# docker build --tag inventoryrpa .   One image for both apps: its argument is the file to run.
# Behind a registry mirror add --secret id=npmrc,src=<.npmrc>, behind a proxy with a certificate of
# its own also --secret id=ca,src=<bundle> and in that .npmrc cafile=/run/secrets/ca.

# A tag, so that it builds wherever there is one; a release passes the tag with its digest.
ARG NODE_IMAGE=docker.io/library/node:26.10.0-bookworm-slim
# A container that needs a larger heap sets NODE_OPTIONS anew.
ARG NODE_FLAGS="--max-semi-space-size=8 --max-old-space-size=256"
ARG USER_ID=10001

FROM ${NODE_IMAGE} AS tools
RUN apt-get update \
    && apt-get install --yes --no-install-recommends 'tini=0.19.0-*' \
    && rm -rf /var/lib/apt/lists/*
ENV TURBO_TELEMETRY_DISABLED=1
WORKDIR /source
COPY package.json pnpm-lock.yaml ./
# The versions that the repository pins.
# hadolint ignore=DL3016
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc \
    --mount=type=secret,id=ca \
    --mount=type=cache,id=npm,target=/root/.npm \
    npm install --global --no-fund --no-audit --allow-scripts=pnpm \
      "$(sed -n 's/.*"packageManager": "\(.*\)".*/\1/p' package.json)" \
      "$(sed -n 's/^  \(turbo@.*\):$/\1/p;T;q' pnpm-lock.yaml)"

FROM tools AS pruned
COPY . .
RUN turbo prune @inventoryrpa/api @inventoryrpa/worker --docker --out-dir /pruned/app \
    && turbo prune @inventoryrpa/example-stock-source --docker --out-dir /pruned/stock-source

# Not `pnpm deploy`: it puts our packages under node_modules, where Node strips no types.
FROM tools AS app-tree
ARG NODE_FLAGS
ARG USER_ID
WORKDIR /app
# Manifests first: a change of sources installs nothing anew.
COPY --from=pruned /pruned/app/json/ ./
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc \
    --mount=type=secret,id=ca \
    --mount=type=cache,id=pnpm,target=/pnpm-store \
    pnpm install --prod --frozen-lockfile --ignore-scripts \
      --store-dir /pnpm-store --package-import-method copy \
    && find . -path '*/node_modules/*' -type f \
      \( -name '*.map' -o -name '*.ts' -o -name '*.mts' -o -name '*.cts' \) -delete
COPY --from=pruned /pruned/app/full/ ./
RUN install --directory --owner "$USER_ID" .compile-cache
# What Node compiles at a start is kept for this user and these flags: a third less CPU and 15 MB
# less for every start. Without settings the apps end at once.
USER ${USER_ID}:${USER_ID}
RUN for entry in apps/*/*main.ts apps/*/*thread.ts apps/api/server.ts apps/worker/worker.ts; do \
      NODE_COMPILE_CACHE=/app/.compile-cache NODE_OPTIONS="$NODE_FLAGS" \
        node "$entry" 2>/dev/null || true; \
    done \
    && chmod -R a+rX .compile-cache

FROM tools AS stock-source-tree
WORKDIR /app
COPY --from=pruned /pruned/stock-source/json/ ./
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc \
    --mount=type=secret,id=ca \
    --mount=type=cache,id=pnpm,target=/pnpm-store \
    pnpm install --prod --frozen-lockfile --ignore-scripts \
      --store-dir /pnpm-store --package-import-method copy
COPY --from=pruned /pruned/stock-source/full/ ./

FROM ${NODE_IMAGE} AS runtime
ARG NODE_FLAGS
ARG USER_ID
# Nothing is installed here any more, and what npm brings along is what scanners find.
RUN rm -rf /usr/local/lib/node_modules /opt/yarn-* /usr/local/bin/npm /usr/local/bin/npx \
      /usr/local/bin/corepack /usr/local/bin/yarn /usr/local/bin/yarnpkg
COPY --from=tools /usr/bin/tini /usr/bin/tini
WORKDIR /app
ENV NODE_ENV=production \
    NODE_OPTIONS=${NODE_FLAGS} \
    MALLOC_ARENA_MAX=1
USER ${USER_ID}:${USER_ID}
# An init, so that the watch over a worker's event loop can end it: process 1 is spared that.
ENTRYPOINT ["/usr/bin/tini", "--", "node"]

# A stock system to try syncs with, never for production: --target stock-source.
FROM runtime AS stock-source
COPY --from=stock-source-tree --chown=0:0 /app/ ./
EXPOSE 4010
CMD ["examples/stock-source/main.ts", "--csv", "examples/stock-source/levels.csv", "--host", "0.0.0.0"]

FROM runtime AS app
LABEL org.opencontainers.image.title="InventoryRPA" \
      org.opencontainers.image.licenses="MIT"
COPY LICENSE deploy/image/probe.mjs ./
COPY --from=app-tree --chown=0:0 /app/ ./
ENV NODE_COMPILE_CACHE=/app/.compile-cache
EXPOSE 3000 3001 3002
# Alive, not ready: a restart heals no PostgreSQL. Each app has an ops port of its own.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
  CMD ["node", "probe.mjs", "/livez"]
CMD ["apps/api/main.ts"]
