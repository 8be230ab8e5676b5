"""The answer where no route matches."""

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from app.auth.tokens import Verifier
from app.http import CHALLENGE, problem
from crdt.errors import Overloaded, Unauthenticated
from persistence.errors import StoreError


class NotFound:
    """Answers any other path: a caller without a token learns nothing about it."""

    def __init__(self, tokens: Verifier) -> None:
        self._tokens = tokens

    async def answer(self, request: Request) -> JSONResponse:
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
