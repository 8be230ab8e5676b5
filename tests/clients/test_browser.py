"""Where the tests find a browser, and what they say where there is none."""

from pathlib import Path

import pytest

from tests.clients import browser

MAKEFILE = (browser.LIBRARY.parent.parent / "Makefile").read_text()


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without any browser: the only folder on its PATH, which is empty."""
    node = browser.node()
    monkeypatch.setattr(browser, "node", lambda: node)
    monkeypatch.delenv(browser.VARIABLE, raising=False)
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "playwright"))
    path = tmp_path / "bin"
    path.mkdir()
    monkeypatch.setenv("PATH", str(path))
    return path


def program(file: Path, status: int = 0) -> str:
    file.write_text(f"#!/bin/sh\nexit {status}\n")
    file.chmod(0o755)
    return str(file)


def test_without_a_browser_the_failure_says_what_to_do(bare: Path) -> None:
    with pytest.raises(AssertionError, match=r"install one of chromium, .*`make browser`"):
        browser.browser()
    assert "\nbrowser:" in MAKEFILE


def test_the_first_browser_that_starts_is_taken(bare: Path) -> None:
    program(bare / "chromium-browser", status=1)
    chrome = program(bare / "google-chrome")
    assert browser.browser() == chrome


def test_a_browser_that_the_environment_names_is_taken(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(bare / "chromium")
    monkeypatch.setenv(browser.VARIABLE, program(bare / "mine"))
    assert browser.browser() == str(bare / "mine")
    # One that is named in vain is a mistake, not a wish for any other.
    monkeypatch.setenv(browser.VARIABLE, str(bare / "missing"))
    assert browser.found() is None


def test_an_installation_that_fails_tries_every_way_and_says_what_to_do(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []
    monkeypatch.setattr(browser, "_ways", lambda: [["one"], ["two", "three"]])
    monkeypatch.setattr(browser, "succeeds", tried.append)
    assert browser.main() == browser.REMEDY
    assert tried == ["one", "two"]


def test_nothing_is_installed_where_a_browser_is(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(bare / "chromium")
    monkeypatch.setattr(browser, "install", lambda: pytest.fail("expected no installation"))
    assert browser.main() is None


def test_the_installation_ends_with_the_first_way_that_leads_to_a_browser(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []
    monkeypatch.setattr(browser, "_ways", lambda: [["nothing"], ["browser"], ["never"]])

    def succeeds(command: str) -> bool:
        tried.append(command)
        if command == "browser":
            program(bare / "chromium")
        return True

    monkeypatch.setattr(browser, "succeeds", succeeds)
    assert browser.main() is None
    assert tried == ["nothing", "browser"]
