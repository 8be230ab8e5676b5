"""The answer where no route matches."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.auth.tokens import Verifier
from app.http import CHALLENGE, problem
from app.web_page import answer_not_found
from crdt.errors import Overloaded, Unauthenticated
from persistence.errors import StoreError


class NotFound:
    """Answers any other path: a caller without a token learns nothing about it."""

    def __init__(self, tokens: Verifier) -> None:
        self._tokens = tokens

    async def answer(self, request: Request) -> Response:
        """Answer a browser that opens an address with a page, all others with a problem."""
        return answer_not_found() if _is_for_people(request) else await self._problem(request)

    async def _problem(self, request: Request) -> JSONResponse:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        try:
            await self._tokens.verify(token if scheme.lower() == "bearer" else "")
        except Unauthenticated:
            detail = "send a token: Authorization: Bearer …"
            return problem(401, "unauthenticated", detail, headers=CHALLENGE)
        except (Overloaded, StoreError) as error:
            return problem(503, "overloaded", str(error))
        return problem(404, "not_found", f"there is nothing at {request.url.path}")

    def wrapped(self, default: ASGIApp) -> ASGIApp:
        """Answer HTTP where no route matches; the rest is left to `default`."""

        async def answered(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await default(scope, receive, send)
                return
            response = await self.answer(Request(scope, receive))
            await response(scope, receive, send)

        return answered


def _is_for_people(request: Request) -> bool:
    """Whether a person reads the answer: browsers ask for HTML when they open an address."""
    if request.method not in {"GET", "HEAD"} or "authorization" in request.headers:
        return False
    return "text/html" in request.headers.get("accept", "")
