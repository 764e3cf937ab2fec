# One image per process: docker build --build-arg SERVICE=api|worker|gateway|scripted-model .
# and the one-shot tools, `migrate` and `admin`: docker build --target migrate .
#
# Node 22: Node 20, our floor, gets no security fixes any more. Debian, not Alpine: the lock's native packages are the glibc ones
# that the tests run with. slim: nothing here is compiled, and no package runs an install script.
ARG NODE_VERSION=22
FROM node:${NODE_VERSION}-bookworm-slim AS base
WORKDIR /app

# Only the files that npm reads, so that a change of source code does not repeat the install.
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

# `--omit=dev` keeps what any workspace needs in production, and npm counts our libs as such workspaces. Without this step, an image
# would also have the packages that its bundle already contains.
FROM manifests AS production-manifests
RUN cd /manifests && npm pkg delete devDependencies --workspaces --include-workspace-root

# The packages that a service's bundle does not contain: its `dependencies`, see scripts/build.mjs.
FROM base AS packed
ARG SERVICE
COPY --from=production-manifests /manifests ./
RUN --mount=type=cache,target=/root/.npm \
    npm ci --ignore-scripts --no-audit --no-fund --omit=dev --workspace "@boocode/${SERVICE:?is not set}"

# Migrates the database that DATABASE_URL names and exits; `node admin/main.mjs user add NAME` creates a user and a token.
FROM base AS migrate
ENV NODE_ENV=production
COPY --from=build /app/dist/admin ./admin
COPY --from=build /app/dist/migrate ./migrate
COPY migrations ./migrations
COPY libs/store/functions ./libs/store/functions
USER node
CMD ["node", "migrate/main.mjs"]

FROM base AS service
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000
ARG SERVICE
COPY --from=packed /app/node_modules ./node_modules
COPY --from=build /app/dist/${SERVICE} ./service
COPY docker/health-check.mjs ./
USER node
EXPOSE 3000
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 CMD ["node", "health-check.mjs"]
# No shell or npm in between, so that node receives SIGTERM. Run it under an init (`docker run --init`): see WATCHDOG_MS.
ENTRYPOINT ["node", "service/main.mjs"]
