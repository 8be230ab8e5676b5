import asyncio
import socket
from collections.abc import Iterator

import pytest

from app.auth.https_fetch import Source
from app.auth.key_set import KeySetError
from tests.app.issuer import Publisher, publishing


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with publishing(b"a document") as publisher:
        yield publisher


async def refused(source: Source, why: str) -> None:
    with pytest.raises(KeySetError, match=why):
        await source.fetch()


async def test_the_document_is_what_the_address_answers(publisher: Publisher) -> None:
    assert await Source(publisher.url).fetch() == b"a document"


async def test_no_proxy_stands_before_loopback(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert await Source(publisher.url).fetch() == b"a document"


async def test_an_address_without_a_server_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    await refused(Source(f"http://127.0.0.1:{port}/keys"), f"cannot fetch .*{port}/keys")


@pytest.mark.parametrize("status", [404, 500, 503])
async def test_an_error_is_no_document(publisher: Publisher, status: int) -> None:
    publisher.status = status
    await refused(Source(publisher.url), str(status))


async def test_redirects_are_not_followed(publisher: Publisher) -> None:
    with publishing(b"the keys of somebody else") as elsewhere:
        publisher.status, publisher.headers = 302, {"Location": elsewhere.url}
        await refused(Source(publisher.url), "302")
        assert elsewhere.fetches == 0


async def test_size_is_bounded(publisher: Publisher) -> None:
    publisher.document = b"x" * 1000
    assert len(await Source(publisher.url, max_bytes=1000).fetch()) == 1000
    await refused(Source(publisher.url, max_bytes=999), "more than 999 bytes")


async def test_waiting_for_an_answer_is_bounded(publisher: Publisher) -> None:
    publisher.answering.clear()
    await refused(Source(publisher.url, seconds=0.05), "timed out|in time")


async def test_dripping_is_bounded(publisher: Publisher) -> None:
    publisher.drip_seconds = 0.01
    await refused(Source(publisher.url, seconds=0.1), "too slowly|in time")


async def test_an_answer_that_is_no_http_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        source = Source(f"http://127.0.0.1:{server.getsockname()[1]}/", seconds=0.5)
        await refused(source, "cannot fetch")


async def test_there_is_never_more_than_one_request(publisher: Publisher) -> None:
    publisher.answering.clear()
    source = Source(publisher.url)
    first = asyncio.create_task(source.fetch())
    await asyncio.sleep(0)
    await refused(source, "still answering")
    publisher.answering.set()
    assert await first == b"a document"
    assert await source.fetch() == b"a document"
    assert publisher.fetches == 2
