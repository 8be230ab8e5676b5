FROM python:3.12-slim

WORKDIR /srv/pipeloom
COPY requirements-telemetry.txt pyproject.toml README.md ./
RUN pip install --no-cache-dir --require-hashes -r requirements-telemetry.txt
COPY app app
COPY crdt crdt
COPY persistence persistence
COPY sql sql
RUN pip install --no-cache-dir --no-deps --no-build-isolation . \
    && useradd --system --create-home pipeloom
USER pipeloom
EXPOSE 8000
ENTRYPOINT ["pipeloom"]
CMD ["serve", "--host", "0.0.0.0", "--no-worker"]
