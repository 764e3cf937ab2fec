# One image per process: docker build --build-arg SERVICE=api|worker|gateway|scripted-model .
# and the one-shot tools, dbmate and `admin`: docker build --target migrate .
#
# Node 22: Node 20, our floor, gets no security fixes any more. Debian, not Alpine: the lock's native packages are the glibc ones
# that the tests run with. slim: nothing here is compiled, and no package runs an install script.
ARG NODE_VERSION=22
FROM node:${NODE_VERSION}-bookworm-slim AS base
WORKDIR /app

# What npm looks at, and nothing else: a change of source code does not install again.
FROM base AS manifests
COPY . .
RUN mkdir /manifests && cp --parents package.json package-lock.json libs/*/package.json services/*/package.json \
      e2e/package.json /manifests

FROM base AS deps
COPY --from=manifests /manifests ./
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts --no-audit --no-fund

FROM deps AS build
COPY . .
RUN npm run build

# `--omit=dev` omits nothing that another workspace needs in production, and every package of ours is such a workspace to npm:
# without this, the tests' testcontainers would be in each image.
FROM manifests AS production-manifests
RUN cd /manifests && npm pkg delete devDependencies --workspaces --include-workspace-root

# The production dependencies of one service, and of our libs those that it uses.
FROM base AS packed
ARG SERVICE
COPY --from=production-manifests /manifests ./
RUN --mount=type=cache,target=/root/.npm \
    npm ci --ignore-scripts --no-audit --no-fund --omit=dev --workspace "@boocode/${SERVICE:?is not set}"
RUN --mount=type=bind,from=build,source=/app,target=/built node /built/docker/pack.mjs /app "${SERVICE}"

FROM base AS admin-tools
COPY --from=production-manifests /manifests ./
# The root's own dependency is dbmate; the others are what scripts/admin.ts imports.
RUN --mount=type=cache,target=/root/.npm \
    npm ci --ignore-scripts --no-audit --no-fund --omit=dev --include-workspace-root \
      --workspace @boocode/identity --workspace @boocode/runtime --workspace @boocode/store
# dbmate's own binary, because its npm command exits with 0 when the binary was killed.
RUN --mount=type=bind,from=build,source=/app,target=/built \
    node /built/docker/pack.mjs /app && cp /built/docker/dist/admin.js ./ && \
    mv "$(node --print 'require("dbmate").resolveBinary()')" ./dbmate

# Brings the database that DATABASE_URL names up to date and ends; `node admin.js user add NAME` makes a user and a token.
FROM base AS migrate
ENV NODE_ENV=production
COPY --from=admin-tools /app ./
COPY migrations ./migrations
USER node
CMD ["./dbmate", "--migrations-dir", "migrations", "--no-dump-schema", "--wait", "up"]

FROM base AS service
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000
COPY --from=packed /app ./
COPY docker/health-check.mjs ./
USER node
EXPOSE 3000
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 CMD ["node", "health-check.mjs"]
# No shell and no npm between: node is process 1 and gets SIGTERM itself.
ENTRYPOINT ["node", "service/dist/main.js"]
