# convex-bridge with all it needs:
#
#   docker build -t convex-bridge .
#   docker run --rm -it -e SOURCE_URL -e CONVEX_DEPLOY_KEY -v "$PWD:/app" convex-bridge migrate
FROM debian:bookworm-slim
COPY . /src
RUN /src/bridge/install.sh --image && rm -rf /src
WORKDIR /app
ENTRYPOINT ["convex-bridge"]
