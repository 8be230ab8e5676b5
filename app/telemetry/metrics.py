"""The metrics of this process, in the data model of Prometheus.

What happens once per frame or delivery is counted in plain integers. Adding to one costs a
twentieth of adding to a counter of the library; the registry reads them when a page is asked for.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import accumulate
from math import inf
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from crdt.errors import PipeloomError

# Else each counter and histogram has a series more, `_created`, which nobody reads: Prometheus
# takes it for a gauge of its own, and sees by itself when a counter began anew.
disable_created_metrics()  # type: ignore[no-untyped-call]

REGISTRY: Final = CollectorRegistry()
"""The metrics of a server."""

WORKER_REGISTRY: Final = CollectorRegistry()
"""The metrics of a worker."""

LATENCIES: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""Bounds of the buckets, in seconds."""


@dataclass(slots=True, eq=False)
class HotPathCounters(Collector):
    """Counters that are raised by adding to their fields; each is a metric of the field's name."""

    frames_in: int = 0
    frames_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    updates_in: int = 0
    updates_out: int = 0
    awareness_in: int = 0
    awareness_out: int = 0
    awareness_superseded: int = 0
    resyncs: int = 0
    bus_gaps: int = 0
    bus_published: int = 0
    bus_received: int = 0
    bus_unreadable: int = 0
    bus_reconnects: int = 0

    def collect(self) -> Iterator[CounterMetricFamily]:
        """See `Collector`."""
        for one in fields(self):
            name = f"pipeloom_{one.name}"
            yield CounterMetricFamily(name, HELP[one.name], value=getattr(self, one.name))


class PlainHistogram(Collector):
    """A histogram in plain integers, for what is observed once per edit.

    One of the library takes two locks and looks at the buckets one by one. `bounds` are the upper
    bounds of the buckets, ascending. Only the event loop's thread may observe.
    """

    def __init__(self, name: str, about: str, bounds: Sequence[float]) -> None:
        self._name, self._about, self._bounds = name, about, bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count a value in the first bucket whose bound it does not exceed."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """See `Collector`; a bucket has all values up to its bound."""
        bounds = ["+Inf" if bound == inf else repr(float(bound)) for bound in (*self._bounds, inf)]
        buckets = list(zip(bounds, map(float, accumulate(self._counts)), strict=True))
        yield HistogramMetricFamily(self._name, self._about, buckets=buckets, sum_value=self._sum)


HELP: Final = {
    "frames_in": "Frames received from clients.",
    "frames_out": "Frames handed to the sockets of clients.",
    "bytes_in": "Payload bytes of frames received from clients.",
    "bytes_out": "Payload bytes of frames handed to the sockets of clients.",
    "updates_in": "Document updates received from clients.",
    "updates_out": "Document updates queued for clients, acknowledgements not counted.",
    "awareness_in": "Awareness updates received from clients.",
    "awareness_out": "Awareness updates queued for clients.",
    "awareness_superseded": "Awareness updates left out because a later one of their client came.",
    "resyncs": "Clients too slow for every update that were caught up by one diff.",
    "bus_gaps": "Gaps in the numbers of updates from other nodes, filled from the log.",
    "bus_published": "Messages for other nodes handed to the bus.",
    "bus_received": "Messages of other nodes that came over the bus.",
    "bus_unreadable": "Messages on the bus that could not be decoded.",
    "bus_reconnects": "Times that the bus was connected again after an outage.",
}

counters: Final = HotPathCounters()
REGISTRY.register(counters)
ProcessCollector(registry=REGISTRY)
ProcessCollector(registry=WORKER_REGISTRY)

COMMIT_SECONDS: Final = Histogram(
    "pipeloom_commit_seconds",
    "How long one transaction of the update log took.",
    buckets=LATENCIES,
    registry=REGISTRY,
)
COMMIT_UPDATES: Final = Histogram(
    "pipeloom_commit_updates",
    "Updates in one transaction of the update log.",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
    registry=REGISTRY,
)
COMMITS_FAILED: Final = Counter(
    "pipeloom_commits_failed",
    "Attempts to store edits that PostgreSQL could not take; the edits wait for the next one.",
    registry=REGISTRY,
)
DAMAGED_LOADS: Final = Counter(
    "pipeloom_damaged_loads",
    "Documents loaded although updates of theirs are missing in the log or cannot be decoded.",
    registry=REGISTRY,
)
COMMITS_FAILING_SECONDS: Final = Gauge(
    "pipeloom_commits_failing_seconds",
    "For how long no edit could be stored; 0 while edits are stored.",
    registry=REGISTRY,
)
ACK_SECONDS: Final = PlainHistogram(
    "pipeloom_ack_seconds",
    "From an update's arrival until its acknowledgement is queued.",
    LATENCIES,
)
REGISTRY.register(ACK_SECONDS)
LOOP_LAG_SECONDS: Final = Histogram(
    "pipeloom_loop_lag_seconds",
    "How much later than asked for the event loop woke a timer.",
    buckets=LATENCIES,
    registry=REGISTRY,
)
REJECTS: Final = Counter(
    "pipeloom_rejects",
    "Connections closed and edits refused by the server, by reason.",
    ["reason"],
    registry=REGISTRY,
)
CONNECTIONS: Final = Gauge("pipeloom_connections", "Open WebSockets.", registry=REGISTRY)
ROOMS: Final = Gauge("pipeloom_rooms", "Open rooms.", registry=REGISTRY)
SESSIONS: Final = Gauge(
    "pipeloom_sessions", "Clients in rooms, by protocol.", ["protocol"], registry=REGISTRY
)
OUTBOX_BYTES: Final = Gauge(
    "pipeloom_outbox_bytes",
    "Bytes that wait to be sent to all clients together.",
    registry=REGISTRY,
)
OUTBOX_MAX_BYTES: Final = Gauge(
    "pipeloom_outbox_max_bytes",
    "Bytes that wait to be sent to the slowest client.",
    registry=REGISTRY,
)
PENDING_BYTES: Final = Gauge(
    "pipeloom_pending_bytes", "Bytes of updates that wait to be committed.", registry=REGISTRY
)
SHAPE_LEASE: Final = Gauge(
    "pipeloom_shape_lease",
    "Whether this process has the shapes: others hand requests over to it.",
    registry=REGISTRY,
)
SHAPE_HANDOVERS: Final = Counter(
    "pipeloom_shape_handovers",
    "Requests for shapes that were handed over to the process that has them.",
    ["outcome"],
    registry=REGISTRY,
)
BUS_UP: Final = Gauge(
    "pipeloom_bus_up",
    "Whether messages of this process reach other nodes; 1 if there is no bus.",
    registry=REGISTRY,
)
BUS_UP.set(1)
BUS_DROPPED: Final = Counter(
    "pipeloom_bus_dropped",
    "Messages that other nodes may never have got, by reason.",
    ["reason"],
    registry=REGISTRY,
)
PROJECTION_LAG_UPDATES: Final = Gauge(
    "pipeloom_projection_lag_updates", "Updates not yet in the tables.", registry=REGISTRY
)
PROJECTION_LAG_SECONDS: Final = Gauge(
    "pipeloom_projection_lag_seconds",
    "Age of the oldest update that is not yet in the tables.",
    registry=REGISTRY,
)
SHAPES: Final = Gauge("pipeloom_shapes", "Shapes held in memory.", registry=REGISTRY)
SHAPE_ROWS: Final = Gauge("pipeloom_shape_rows", "Rows of all shapes.", registry=REGISTRY)
SHAPE_OPERATIONS: Final = Gauge(
    "pipeloom_shape_operations", "Operations in the logs of all shapes.", registry=REGISTRY
)
SHAPE_BYTES: Final = Gauge(
    "pipeloom_shape_bytes", "About how many bytes all shapes hold.", registry=REGISTRY
)
SHAPE_CLIENTS: Final = Gauge(
    "pipeloom_shape_clients", "Live requests that wait for changes of shapes.", registry=REGISTRY
)
SHAPE_REFRESH_SECONDS: Final = Histogram(
    "pipeloom_shape_refresh_seconds",
    "How long reading what shapes lack took, for those that are read together.",
    buckets=LATENCIES,
    registry=REGISTRY,
)
SHAPE_REFETCHES: Final = Counter(
    "pipeloom_shape_refetches",
    "Clients of shapes that had to begin anew (409), by reason.",
    ["reason"],
    registry=REGISTRY,
)


PROJECTION_SECONDS: Final = Histogram(
    "pipeloom_projection_seconds",
    "How long the worker took to bring one document's rows up to its log.",
    buckets=LATENCIES,
    registry=WORKER_REGISTRY,
)
PROJECTIONS_FAILED: Final = Counter(
    "pipeloom_projections_failed", "Projections that were undone.", registry=WORKER_REGISTRY
)
PROJECTED_ROWS: Final = Counter(
    "pipeloom_projected_rows", "Rows written and deleted by the worker.", registry=WORKER_REGISTRY
)
VERSIONS_SAVED: Final = Counter(
    "pipeloom_versions_saved", "Versions saved automatically.", registry=WORKER_REGISTRY
)


def reject(error: PipeloomError | str) -> None:
    """Count a refusal by its reason: a word, or the name of the error's class in snake case."""
    reason = error if isinstance(error, str) else _WORDS.sub("_", type(error).__name__).lower()
    REJECTS.labels(reason).inc()


_WORDS: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
