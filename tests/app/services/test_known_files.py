"""What is remembered of files, and for how long."""

from uuid import UUID

from app.services.known_files import MOST_FINDINGS, KnownFile, KnownFiles
from app.services.pipeline_files import FileContent, PackedPipeline
from crdt.yaml.finding import Finding

ONE, OTHER = UUID(int=1), UUID(int=2)


def content(findings: int = 0) -> FileContent:
    found = [Finding("warning", "odd", "odd", 1, 1)] * findings
    return FileContent(PackedPipeline(b""), "x", 1, 0, found)


def test_a_file_is_known_for_its_pipeline_until_the_next_update() -> None:
    files = KnownFiles()
    known = KnownFile(3, "tag", content())
    files.note(ONE, b"a", known)
    assert files.find(ONE, b"a", 3) == known
    assert files.find(ONE, b"a", 4) is None
    assert files.find(ONE, b"b", 3) is None
    assert files.find(OTHER, b"a", 3) is None


def test_what_reading_it_found_is_kept_when_it_is_written_again() -> None:
    files = KnownFiles()
    files.note(ONE, b"a", KnownFile(3, "tag", content()))
    files.note(ONE, b"a", KnownFile(5, "other", None))
    assert files.find(ONE, b"a", 5) == KnownFile(5, "other", content())


def test_the_oldest_ones_are_forgotten() -> None:
    files = KnownFiles(most=2)
    for text in (b"a", b"b", b"a", b"c"):
        files.note(ONE, text, KnownFile(1, "tag", content()))
    assert [files.find(ONE, text, 1) is not None for text in (b"a", b"b", b"c")] == [
        True,
        False,
        True,
    ]


def test_a_file_with_many_findings_is_not_remembered() -> None:
    files = KnownFiles()
    files.note(ONE, b"a", KnownFile(1, "tag", content(MOST_FINDINGS + 1)))
    assert files.find(ONE, b"a", 1) is None
