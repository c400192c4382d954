# The whole of pheromone as an image: `docker run pheromone worker --help`. docker-compose.yml runs a cluster of it.
FROM node:24-bookworm-slim AS build
WORKDIR /pheromone
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts scripts
COPY src src
RUN npm run build \
 && npm prune --omit=dev --no-audit --no-fund \
 # Native code of other systems than this one.
 && find node_modules/zeromq/build -mindepth 1 -maxdepth 1 -type d ! -name linux -exec rm -r {} +

FROM node:24-bookworm-slim
ENV NODE_ENV=production
WORKDIR /pheromone
COPY --from=build /pheromone/package.json ./
COPY --from=build /pheromone/node_modules node_modules
COPY --from=build /pheromone/dist dist
COPY bin bin
USER node
ENTRYPOINT ["node", "/pheromone/bin/pheromone.mjs"]
CMD ["--help"]
