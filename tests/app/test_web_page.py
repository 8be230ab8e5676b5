"""How the page is served: from memory, cached by kind, under a policy that lets nothing else in."""

import gzip
import html
import re
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from app.web_page import FOR_A_DAY, FOR_GOOD, NONCE, WebPage, answer_not_found

SCRIPT = "console.log('a page')" * 20


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A folder as `web/build.py` leaves it."""
    assets = tmp_path / "assets"
    assets.mkdir()
    (assets / "index-AbC123.js").write_text(SCRIPT)
    (assets / "index-AbC123.js.gz").write_bytes(gzip.compress(SCRIPT.encode()))
    (assets / "inter-XyZ.woff2").write_bytes(b"wOF2")
    (tmp_path / "index.html").write_text(f'<meta name="style-nonce" content="{NONCE}"><p>page</p>')
    (tmp_path / "api-docs.html").write_text("<p>API</p>")
    (tmp_path / "secret.txt").write_text("beside the page")
    return tmp_path


async def get(folder: Path, path: str, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(Starlette(routes=WebPage(folder).routes))
    async with httpx.AsyncClient(transport=transport, base_url="http://page") as http:
        return await http.get(path, headers=headers)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/home",
        "/home/",
        "/home/deleted",
        "/pipelines",
        "/pipelines/1f6b",
        "/pipelines/1f6b/more",
    ],
)
async def test_every_address_of_the_page_is_answered_with_it(built: Path, path: str) -> None:
    answer = await get(built, path)
    assert (answer.status_code, "<p>page</p>" in answer.text) == (200, True)
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


async def test_the_documentation_of_the_api_is_a_document_beside_it(built: Path) -> None:
    assert (await get(built, "/api/docs")).text == "<p>API</p>"


@pytest.mark.parametrize("command", ["", "/srv/'my tools'/pipeloom token <&> --email EMAIL"])
async def test_the_page_names_the_command_for_a_token_as_text(built: Path, command: str) -> None:
    (built / "index.html").write_text('<meta name="token-command" content="__TOKEN_COMMAND__">')
    transport = httpx.ASGITransport(Starlette(routes=WebPage(built, token_command=command).routes))
    async with httpx.AsyncClient(transport=transport, base_url="http://page") as http:
        text = (await http.get("/")).text
    assert text == f'<meta name="token-command" content="{html.escape(command)}">'


async def test_only_listed_pages_may_show_a_pipeline_in_a_frame(built: Path) -> None:
    allowed = ["https://a.example", "https://b.example"]
    routes = WebPage(built, frame_ancestors=allowed).routes
    transport = httpx.ASGITransport(Starlette(routes=routes))
    async with httpx.AsyncClient(transport=transport, base_url="http://page") as http:
        embedded, page = await http.get("/embed/pipelines/1f6b"), await http.get("/pipelines/1f6b")
    assert ancestors(embedded) == "https://a.example https://b.example"
    assert ancestors(page) == ancestors(await get(built, "/embed/pipelines/1f6b")) == "'none'"


def ancestors(answer: httpx.Response) -> str:
    return rules(answer.headers["content-security-policy"])["frame-ancestors"]


def rules(policy: str) -> dict[str, str]:
    return dict(rule.split(" ", 1) for rule in policy.split("; "))


async def test_the_policy_allows_scripts_of_this_origin_alone(built: Path) -> None:
    found = rules((await get(built, "/")).headers["content-security-policy"])
    assert found["default-src"] == "'none'"
    assert found["script-src"] == found["connect-src"] == found["font-src"] == "'self'"
    assert found["frame-ancestors"] == found["base-uri"] == found["form-action"] == "'none'"
    assert "unsafe" not in " ".join(found.values())


async def test_each_document_has_a_nonce_of_its_own_for_styles(built: Path) -> None:
    seen = set()
    for _ in range(3):
        answer = await get(built, "/")
        nonce = re.search(r'content="([\w-]{20,})"', answer.text)
        assert nonce
        found = rules(answer.headers["content-security-policy"])
        assert found["style-src"] == f"'self' 'nonce-{nonce[1]}'"
        seen.add(nonce[1])
    assert len(seen) == 3


async def test_assets_are_kept_for_good_and_sent_compressed_to_whom_that_suits(built: Path) -> None:
    for accepted, encoding in ("gzip, br", "gzip"), ("identity", None):
        answer = await get(built, "/assets/index-AbC123.js", **{"accept-encoding": accepted})
        assert answer.headers.get("content-encoding") == encoding
        assert answer.headers["cache-control"] == FOR_GOOD
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
        assert answer.text == SCRIPT
    font = await get(built, "/assets/inter-XyZ.woff2")
    assert (font.content, font.headers["content-type"]) == (b"wOF2", "font/woff2")


@pytest.mark.parametrize(
    "name", ["gone-AbC.js", "../secret.txt", "..%2Fsecret.txt", "%2e%2e/index.html", "a/b.js"]
)
async def test_nothing_else_is_served(built: Path, name: str) -> None:
    answer = await get(built, f"/assets/{name}")
    assert answer.status_code == 404
    assert "beside the page" not in answer.text
    assert answer.headers.get("cache-control") in {"no-cache", None}


async def test_browsers_that_ask_for_an_icon_get_that_of_the_page(built: Path) -> None:
    without = await get(built, "/favicon.ico")
    assert (without.status_code, without.content) == (204, b"")
    (built / "assets" / "icon-AbC.svg").write_text("<svg/>")
    answer = await get(built, "/favicon.ico")
    assert (answer.text, answer.headers["content-type"]) == ("<svg/>", "image/svg+xml")
    assert answer.headers["cache-control"] == without.headers["cache-control"] == FOR_A_DAY


def test_a_wrong_address_leads_home_in_a_document_that_needs_nothing_else() -> None:
    answer = answer_not_found()
    text = bytes(answer.body).decode()
    assert (answer.status_code, answer.media_type) == (404, "text/html")
    assert "<a href='/home'>" in text
    nonce = re.search("<style nonce='([^']{20,})'", text)
    assert nonce
    found = rules(answer.headers["content-security-policy"])
    assert found["style-src"] == f"'self' 'nonce-{nonce[1]}'"


@pytest.mark.parametrize("path", ["/", "/pipelines/1f6b", "/api/docs"])
async def test_a_page_that_is_not_built_says_how_to_build_it(tmp_path: Path, path: str) -> None:
    answer = await get(tmp_path, path)
    assert answer.status_code == 503
    assert "make setup" in answer.text
    assert "script-src 'self'" in answer.headers["content-security-policy"]
