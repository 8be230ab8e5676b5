"""Every end of a session has a close code that tells stock clients what to do."""

import pytest

from crdt.errors import (
    Draining,
    Forbidden,
    MalformedUpdate,
    MessageTooBig,
    Overloaded,
    PipelineFileError,
    PipelineNotFound,
    ProtocolError,
    SyncError,
    Unauthenticated,
)


def family(error: type[SyncError]) -> list[type[SyncError]]:
    return [error, *(each for child in error.__subclasses__() for each in family(child))]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ProtocolError, 4400),
        (MalformedUpdate, 4400),
        (MessageTooBig, 4413),
        (Unauthenticated, 4401),
        (Forbidden, 4403),
        (PipelineNotFound, 4404),
        (Draining, 1012),
        (Overloaded, 1013),
    ],
)
def test_close_codes(error: type[SyncError], code: int) -> None:
    assert error.close_code == code


def test_a_client_is_kept_away_for_good_only_if_coming_back_is_of_no_use() -> None:
    """y-websocket 3.1 never reconnects after 4400–4499."""
    stays_away = {error for error in family(SyncError) if 4400 <= error.close_code < 4500}
    assert stays_away.isdisjoint({Draining, Overloaded})
    assert MessageTooBig in stays_away, "expected no client to send the same again"


@pytest.mark.parametrize("error", family(SyncError))
def test_every_remedy_fits_into_a_close_frame(error: type[SyncError]) -> None:
    assert 0 < len(error.remedy.encode()) <= 123
    assert error().reason == error.remedy


@pytest.mark.parametrize("detail", ["x" * 200, "é" * 100, "x" + "é" * 100, "😀" * 40])
def test_a_reason_is_cut_to_123_bytes_between_characters(detail: str) -> None:
    reason = ProtocolError(detail).reason
    assert detail.startswith(reason)
    assert 120 <= len(reason.encode()) <= 123


def test_a_file_error_says_where() -> None:
    assert str(PipelineFileError("no steps", 3, 5)) == "line 3, column 5: no steps"
    assert str(PipelineFileError("no steps")) == "no steps"
