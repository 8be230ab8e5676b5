import json
import logging
import re
from collections.abc import Iterator

import pytest
import structlog
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app.telemetry import spans
from app.telemetry.log import configure
from tests.contracts.stores import an_id


@pytest.fixture(autouse=True)
def _reset() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def test_an_event_is_one_line_of_fields_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    structlog.get_logger("test").warning("room.poisoned", pipeline_id=an_id(1), error="a\nb c")
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(
        r"timestamp=\d{4}-\d\d-\d\dT[\d:.]+Z level=warning event=room.poisoned "
        rf'pipeline_id={an_id(1)} error="a\\nb c"\n',
        err,
    )


def test_an_exception_stays_in_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    try:
        raise LookupError("a bug")
    except LookupError:
        structlog.get_logger("test").exception("worker.failed")
    (line,) = capsys.readouterr().err.splitlines()
    assert "LookupError: a bug" in line


def test_nobody_fills_the_log_with_one_header(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    structlog.get_logger("test").warning("connection.host_refused", host="x" * 65_536)
    line = capsys.readouterr().err
    assert f"host={'x' * 1000}…" in line
    assert len(line) < 1200


def test_details_are_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    structlog.get_logger("test").debug("room.detail")
    assert capsys.readouterr().err == ""


def test_libraries_are_heard_from_warnings_up(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # pytest has handlers of its own at the root, which would count as configured already.
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    configure()
    logging.getLogger("uvicorn.error").info("chatter")
    logging.getLogger("uvicorn.error").warning("trouble")
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "level=warning event=library.logged logger=uvicorn.error message=trouble" in err


def test_a_warning_of_a_library_has_its_reason_and_no_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # As above; and a logger that was used keeps the stderr that it had first.
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    monkeypatch.setattr("app.telemetry.log._logger", structlog.get_logger("test"))
    configure()
    try:
        raise ConnectionRefusedError("refused")
    except ConnectionRefusedError:
        logging.getLogger("asyncpg.pool").warning("retrying", exc_info=True)
        logging.getLogger("asyncpg.pool").error("gave up", exc_info=True)
    warning, error = capsys.readouterr().err.splitlines()
    assert {"message=retrying", "error=refused"} <= set(warning.split())
    assert "Traceback" not in warning
    assert "Traceback" in error


def test_the_log_can_be_json(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELOOM_LOG_FORMAT", "json")
    configure()
    structlog.get_logger("test").warning("room.poisoned", pipeline_id=an_id(1), error="a\nb ü")
    written = json.loads(capsys.readouterr().err)
    assert (written["level"], written["event"]) == ("warning", "room.poisoned")
    assert (written["pipeline_id"], written["error"]) == (str(an_id(1)), "a\nb ü")


@pytest.mark.parametrize(("level", "lines"), [("debug", 2), ("info", 1), ("error", 0)])
def test_the_level_says_what_is_left_out(
    level: str,
    lines: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PIPELOOM_LOG_LEVEL", level)
    configure()
    structlog.get_logger("test").debug("room.detail")
    structlog.get_logger("test").info("room.opened")
    assert len(capsys.readouterr().err.splitlines()) == lines


def test_a_terminal_gets_lines_for_people(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELOOM_LOG_FORMAT", "console")
    configure()
    structlog.get_logger("test").info("room.opened", clients=2)
    line = capsys.readouterr().err
    assert "[info" in line
    assert "event=" not in line


def test_a_line_within_a_span_names_it(
    capsys: pytest.CaptureFixture[str], exported: InMemorySpanExporter
) -> None:
    configure()
    with spans.span("a deed"):
        structlog.get_logger("test").info("within")
    structlog.get_logger("test").info("beyond")
    within, beyond = capsys.readouterr().err.splitlines()
    (span,) = exported.get_finished_spans()
    assert span.context is not None
    assert f"trace_id={span.context.trace_id:032x}" in within
    assert f"span_id={span.context.span_id:016x}" in within
    assert "trace_id" not in beyond
