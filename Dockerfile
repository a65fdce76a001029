# The image runs /etc/millrace/config.yaml, which is pipelines/gateway.yaml unless another file is put there:
#   docker build -t millrace .
#   docker run -p 4317:4317 -p 4318:4318 -e MILLRACE_BACKEND=backend:4317 millrace
# It needs no writable file system, no capability and no user but the one below. Where /tmp cannot be written there is no admin
# socket, which it says in one warning: the commands that ask a running collector find none then.
ARG NODE=20-slim

FROM node:${NODE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# Nothing that is required runs an install script; optional codecs come as ready binaries or not at all.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts ./scripts
COPY src ./src
# What the build keeps for its next run lies among the packages, and would go into the image with them.
RUN npm run build && npm prune --omit=dev --ignore-scripts --no-audit --no-fund && rm -rf node_modules/.cache

FROM node:${NODE}
ENV NODE_ENV=production \
    MILLRACE_HOST=0.0.0.0 \
    MILLRACE_STATE=/var/lib/millrace
WORKDIR /opt/millrace
COPY package.json LICENSE NOTICE ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
COPY models ./models
COPY pipelines ./pipelines
COPY pipelines/gateway.yaml /etc/millrace/config.yaml
# For what a sampler has learned; to be kept, mount a volume here.
RUN install -d -o 1000 -g 1000 /var/lib/millrace
# The image's own user without rights, by number so that Kubernetes can see that it is not root.
USER 1000:1000
# OTLP gRPC, OTLP HTTP, self-metrics, health
EXPOSE 4317 4318 8888 13133
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:13133/').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "/opt/millrace/dist/main.js"]
CMD ["--config", "/etc/millrace/config.yaml"]
