"""What fails is tried again ever later, and forgotten when it is gone."""

from uuid import UUID

from persistence.worker.retries import Backoff, FailingDocuments

A, B = UUID(int=1), UUID(int=2)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_delays_double_up_to_the_longest() -> None:
    backoff = Backoff(first=0.5, longest=10.0)
    assert [backoff.delay(n) for n in (1, 2, 3, 6, 10_000)] == [0.5, 1.0, 2.0, 10.0, 10.0]


def test_documents_rest_each_on_its_own() -> None:
    clock = Clock()
    failing = FailingDocuments(Backoff(1.0, 60.0), clock)
    assert [failing.failed(A), failing.failed(A), failing.failed(B)] == [1.0, 2.0, 1.0]
    clock.now += 1.0
    assert failing.postponed() == {A}
    clock.now += 1.0
    assert failing.postponed() == set()
    assert failing.failed(A) == 4.0


def test_success_makes_good() -> None:
    failing = FailingDocuments(Backoff(1.0, 60.0), Clock())
    failing.failed(A)
    failing.succeeded(A)
    assert failing.postponed() == set()
    assert failing.failed(A) == 1.0


def test_a_document_nobody_asks_for_any_more_is_forgotten() -> None:
    clock = Clock()
    failing = FailingDocuments(Backoff(1.0, 60.0), clock)
    failing.failed(A)
    failing.failed(A)
    clock.now += 62.5
    failing.postponed()
    assert failing.failed(A) == 1.0
