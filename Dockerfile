FROM python:3.12-slim AS page

# The page is built with the Node.js of a wheel; of this stage only the result stays.
WORKDIR /srv/pipeloom
COPY requirements-node.txt ./
RUN pip install --no-cache-dir --require-hashes -r requirements-node.txt
COPY clients/js/package.json clients/js/package.json
COPY clients/js/src clients/js/src
COPY web web
RUN python web/build.py

FROM python:3.12-slim

# The image of servers and workers: `docker build -t pipeloom .`, see docs/production.md. It has the
# packages for traces, which export nothing unless a collector is configured, and no PostgreSQL: what
# it runs needs DATABASE_URL.
WORKDIR /srv/pipeloom
COPY requirements-image.txt pyproject.toml README.md LICENSE ./
RUN pip install --no-cache-dir --require-hashes -r requirements-image.txt
COPY web/backend.py web/build.py web/
COPY app app
COPY crdt crdt
COPY persistence persistence
COPY sql sql
COPY --from=page /srv/pipeloom/app/web_assets app/web_assets
RUN pip install --no-cache-dir --no-deps --no-build-isolation . \
    && useradd --create-home --uid 10001 pipeloom
# By number, so that Kubernetes sees that it is not root.
USER 10001
# A worker says at this port whether it is well; a server at its own.
ENV PIPELOOM_METRICS_PORT=9100
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-m", "app.probe", "/healthz"]
ENTRYPOINT ["pipeloom"]
# Beyond loopback a server needs PIPELOOM_JWT_SECRET or PIPELOOM_JWKS_URL, and workers run beside it.
CMD ["serve", "--host", "0.0.0.0", "--no-worker"]
