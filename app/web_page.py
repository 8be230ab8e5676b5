"""Serves the page and the documentation of the API: what `web/build.py` has built.

The files are few and never change while a server runs, so they are read once, and requests touch no
disk. A name under `/assets/` contains a hash of the content, so browsers keep such a file for good;
the documents themselves are asked for each time.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

ASSETS: Final = Path(__file__).parent / "web_assets"

PAGE_PATHS: Final = ("/", "/home", "/home/", "/home/{view}", "/pipelines", "/pipelines/{rest:path}")
"""Addresses that the page itself understands (`web/src/App.tsx`)."""

EMBEDDED_PATH: Final = "/embed/pipelines/{pipeline_id}"
"""The same page for a frame in somebody else's: its own token, in memory alone."""

TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}

FOR_GOOD: Final = "public, max-age=31536000, immutable"

NONCE: Final = "__STYLE_NONCE__"
"""Stands in the page for a fresh nonce: CodeMirror makes a style sheet of its own."""

GUARDS: Final = {
    "Cache-Control": "no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

COMMAND: Final = "__TOKEN_COMMAND__"
"""Stands in the page for what to type for a token; nothing where others than its owner read it."""

NOBODY: Final = "'none'"

NOT_BUILT: Final = (
    "<!doctype html><html lang='en'><meta charset='utf-8'><title>Pipeloom</title>"
    "<h1>The page is not built</h1>"
    "<p>The server runs, but the files of its page are missing. Run <code>make setup</code>, "
    "or <code>python web/build.py</code>, and start the server again.</p>"
    "<p>The API is at <code>/api</code>.</p>"
)


NOT_FOUND: Final = (
    "<!doctype html><html lang='en'><meta charset='utf-8'><title>Not found: Pipeloom</title>"
    "<meta name='viewport' content='width=device-width, initial-scale=1'>"
    f"<style nonce='{NONCE}'>:root {{ color-scheme: light dark; font: 16px/1.5 system-ui }} "
    "main { max-width: 30em; margin: 15vh auto; padding: 0 16px }</style>"
    "<main><h1>There is no page here</h1>"
    "<p>The address has a mistake, or the page has moved.</p>"
    "<p><a href='/home'>All pipelines</a></p></main></html>"
)

FOR_A_DAY: Final = "public, max-age=86400"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file and its compressed form, where there is one."""

    content: bytes
    compressed: bytes | None
    media_type: str


class WebPage:
    """The built page in a folder; without one, each document says how to build it.

    The page names the `token_command`, if there is one, to those who have no token.
    """

    def __init__(
        self,
        folder: Path = ASSETS,
        *,
        frame_ancestors: Sequence[str] = (),
        token_command: str = "",
    ) -> None:
        self._frame_ancestors = " ".join(frame_ancestors) or NOBODY
        self._page = _document(folder / "index.html", token_command)
        self._api_docs = _document(folder / "api-docs.html")
        self._assets = _assets(folder / "assets")

    @property
    def routes(self) -> list[Route]:
        """The routes to all of it."""
        pages = [Route(path, self._answer_page) for path in PAGE_PATHS]
        docs = Route("/api/docs", self._answer_api_docs)
        embedded = Route(EMBEDDED_PATH, self._answer_embedded)
        icon = Route("/favicon.ico", self._answer_icon)
        return [*pages, embedded, docs, icon, Route("/assets/{name}", self._answer_asset)]

    async def _answer_page(self, _request: Request) -> Response:
        return _answer_document(self._page)

    async def _answer_embedded(self, _request: Request) -> Response:
        return _answer_document(self._page, self._frame_ancestors)

    async def _answer_api_docs(self, _request: Request) -> Response:
        return _answer_document(self._api_docs)

    async def _answer_icon(self, _request: Request) -> Response:
        # Browsers ask for it beside documents that name no icon.
        headers = {**GUARDS, "Cache-Control": FOR_A_DAY}
        for name, asset in self._assets.items():
            if name.startswith("icon-") and name.endswith(".svg"):
                return Response(asset.content, 200, headers, asset.media_type)
        return Response(None, 204, headers)

    async def _answer_asset(self, request: Request) -> Response:
        asset = self._assets.get(request.path_params["name"])
        if asset is None:
            # A page that was open while the server was renewed: it has to be loaded again.
            return PlainTextResponse("there is no such file: reload the page\n", 404, GUARDS)
        headers = {**GUARDS, "Cache-Control": FOR_GOOD, "Vary": "Accept-Encoding"}
        accepted = request.headers.get("accept-encoding", "")
        if asset.compressed is None or "gzip" not in accepted:
            return Response(asset.content, 200, headers, asset.media_type)
        headers["Content-Encoding"] = "gzip"
        return Response(asset.compressed, 200, headers, asset.media_type)


def _document(file: Path, token_command: str = "") -> str | None:
    return file.read_text().replace(COMMAND, escape(token_command)) if file.exists() else None


def _assets(folder: Path) -> Mapping[str, Asset]:
    files = [file for file in folder.glob("*") if file.suffix in TYPES]
    return {file.name: _asset(file) for file in files}


def _asset(file: Path) -> Asset:
    compressed = file.with_name(f"{file.name}.gz")
    return Asset(
        file.read_bytes(),
        compressed.read_bytes() if compressed.exists() else None,
        TYPES[file.suffix],
    )


def answer_not_found() -> Response:
    """Lead whoever came by a wrong address to the page, with 404; it is the same for everybody."""
    return _answer_document(NOT_FOUND, status=404)


def _answer_document(
    document: str | None, frame_ancestors: str = NOBODY, status: int = 200
) -> Response:
    if document is None:
        return HTMLResponse(NOT_BUILT, 503, {**GUARDS, "Content-Security-Policy": policy()})
    nonce = secrets.token_urlsafe(16)
    headers = {**GUARDS, "Content-Security-Policy": policy(nonce, frame_ancestors)}
    return HTMLResponse(document.replace(NONCE, nonce), status, headers)


def policy(style_nonce: str | None = None, frame_ancestors: str = NOBODY) -> str:
    """The content security policy (CSP Level 3): everything comes from this origin, or not at all.

    No script stands in the page. Style sheets are files, or have the nonce; React writes styles of
    elements through the object model, which the policy leaves alone. `'self'` includes the
    WebSockets of this origin.
    """
    nonce = "" if style_nonce is None else f" 'nonce-{style_nonce}'"
    rules = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": f"'self'{nonce}",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": frame_ancestors,
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())
