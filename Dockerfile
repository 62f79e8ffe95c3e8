# Build: everything that npm knows, compiled once.
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /frazil
COPY package.json package-lock.json .npmrc ./
# The `node` package exists so that npm scripts have the pinned runtime; the image has it already.
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY proto proto
COPY wal wal
COPY src src
RUN npx tsc -p tsconfig.json && npm prune --omit=dev --ignore-scripts

# Run: no compiler, no package manager's cache, no root.
FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production \
    FRAZIL_DATA=/var/lib/frazil \
    FRAZIL_FLIGHT_HOST=0.0.0.0 \
    FRAZIL_FLIGHT_ALLOW_INSECURE=true
RUN groupadd --gid 10001 frazil \
 && useradd --uid 10001 --gid frazil --no-create-home --shell /usr/sbin/nologin frazil \
 && install -d -o frazil -g frazil /var/lib/frazil
WORKDIR /opt/frazil
COPY --from=build --chown=root:root /frazil/package.json ./
COPY --from=build --chown=root:root /frazil/node_modules node_modules
COPY --from=build --chown=root:root /frazil/dist dist
COPY --from=build --chown=root:root /frazil/proto proto
USER frazil
# The write-ahead log, the catalog and the local warehouse: what must outlive the container.
VOLUME /var/lib/frazil
EXPOSE 8815
# Node is PID 1 and handles SIGTERM itself: it drains, then exits.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["node", "dist/src/main.js", "--address", "127.0.0.1:8815", "--quiet", "wal", "status"]
ENTRYPOINT ["node", "dist/src/main.js"]
CMD ["serve"]
