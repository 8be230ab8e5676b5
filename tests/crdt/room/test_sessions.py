"""Sessions end with their tokens, and their scopes change with the roles of their users."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from crdt.protocol.messages import (
    Authenticated,
    SyncStep1,
    SyncStep2,
    TokenWanted,
    Update,
)
from crdt.room.effects import (
    Append,
    CloseAfterAcks,
    Send,
)
from crdt.room.room import READ_ONLY, Room
from crdt.room.session import Session, UserProfile
from crdt.room.sessions import ACCESS_WITHDRAWN, TOKEN_EXPIRED, TOKEN_REQUEST_LEAD
from tests.crdt.histories import content
from tests.crdt.room.scene import A_SECOND, ADA, ANN, BOB, EVE, VIEWER, Client, only

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class TestEndsAndScopes:
    def test_a_session_ends_with_its_token_and_no_other_does(self, room: Room) -> None:
        room.join(Session(8, UserProfile(ADA), "read-write", NOON))
        room.join(Session(9, UserProfile(BOB), "readonly", NOON + A_SECOND))
        assert room.sessions.expire(NOON - A_SECOND) == []
        assert room.sessions.expire(NOON) == [CloseAfterAcks(8, TOKEN_EXPIRED)]
        assert room.sessions.expire(NOON + A_SECOND) == [
            CloseAfterAcks(8, TOKEN_EXPIRED),
            CloseAfterAcks(9, TOKEN_EXPIRED),
        ]

    def test_a_member_who_becomes_a_viewer_stays_and_edits_no_more(
        self, room: Room, ann: Client
    ) -> None:
        kept, refused = ann.put("kept", 1), ann.put("refused", 1)
        assert only(Append, room.handle(ANN, Update(kept), 0.0))
        assert room.sessions.apply_scopes({ADA: "readonly"}) == [
            Send(ANN, Authenticated("readonly"))
        ]
        assert room.handle(ANN, Update(refused), 0.0) == [Send(ANN, READ_ONLY)]
        assert "kept" in content(room.document.doc)
        assert "refused" not in content(room.document.doc)

    def test_a_viewer_who_becomes_a_member_edits(self, room: Room, ann: Client) -> None:
        refused, taken = ann.put("refused", 1), ann.put("taken", 1)
        assert room.handle(VIEWER, Update(refused), 0.0) == [Send(VIEWER, READ_ONLY)]
        sent, request = room.sessions.apply_scopes({EVE: "read-write"})
        assert sent == Send(VIEWER, Authenticated("read-write"))
        assert request == Send(VIEWER, SyncStep1(room.document.state_vector()))
        assert only(Append, room.handle(VIEWER, Update(taken), 0.0)) != []
        assert isinstance(request, Send)
        assert isinstance(request.message, SyncStep1)
        missing = ann.document.diff(request.message.state_vector)
        assert only(Append, room.handle(VIEWER, SyncStep2(missing), 0.0)) != []
        assert {"refused", "taken"} <= set(content(room.document.doc))

    def test_every_session_of_a_user_without_a_role_is_closed(self, room: Room) -> None:
        room.join(Session(9, UserProfile(ADA), "read-write"))
        assert room.sessions.apply_scopes({ADA: None, BOB: "read-write"}) == [
            CloseAfterAcks(ANN, ACCESS_WITHDRAWN),
            CloseAfterAcks(9, ACCESS_WITHDRAWN),
        ]

    def test_a_changed_scope_keeps_the_expiry_of_a_session(self, room: Room) -> None:
        room.join(Session(9, UserProfile(ADA), "read-write", NOON))
        room.sessions.apply_scopes({ADA: "readonly"})
        assert room.sessions.expire(NOON) == [CloseAfterAcks(9, TOKEN_EXPIRED)]

    def test_sessions_of_other_users_do_not_change(self, room: Room) -> None:
        before = list(room.sessions)
        assert room.sessions.apply_scopes({UUID(int=99): None}) == []
        assert list(room.sessions) == before

    def test_the_close_reasons_say_what_to_do(self) -> None:
        assert (TOKEN_EXPIRED.close_code, ACCESS_WITHDRAWN.close_code) == (4401, 4403)
        assert "new" in TOKEN_EXPIRED.reason
        assert "ask" in ACCESS_WITHDRAWN.reason


class TestTokens:
    """A Hocuspocus client is asked for another token before its own expires."""

    @pytest.fixture
    def hocuspocus(self, room: Room) -> int:
        room.join(Session(9, UserProfile(ADA), "read-write", NOON, is_hocuspocus=True))
        return 9

    def test_a_session_that_expires_soon_is_asked_for_another_token_once(
        self, room: Room, hocuspocus: int
    ) -> None:
        assert room.sessions.expire(NOON - TOKEN_REQUEST_LEAD - A_SECOND) == []
        assert room.sessions.expire(NOON - TOKEN_REQUEST_LEAD) == [Send(hocuspocus, TokenWanted())]
        assert room.sessions.expire(NOON - A_SECOND) == []
        assert room.sessions.expire(NOON) == [CloseAfterAcks(hocuspocus, TOKEN_EXPIRED)]

    def test_a_y_websocket_client_is_not_asked_for_a_token(self, room: Room) -> None:
        room.join(Session(9, UserProfile(ADA), "read-write", NOON))
        assert room.sessions.expire(NOON - A_SECOND) == []

    def test_a_session_continues_with_another_token(self, room: Room, hocuspocus: int) -> None:
        room.sessions.expire(NOON - A_SECOND)
        later = NOON + timedelta(hours=1)
        sent = room.sessions.renew(hocuspocus, "read-write", later)
        assert sent == [Send(hocuspocus, Authenticated("read-write"))]
        assert room.sessions.expire(NOON) == []
        assert room.sessions.expire(later - A_SECOND) == [Send(hocuspocus, TokenWanted())]

    def test_a_token_with_a_wider_scope_makes_the_room_request_a_sync(
        self, room: Room, hocuspocus: int
    ) -> None:
        assert room.sessions.renew(hocuspocus, "readonly", NOON) == [
            Send(hocuspocus, Authenticated("readonly"))
        ]
        assert room.handle(hocuspocus, Update(b"any"), 0.0) == [Send(hocuspocus, READ_ONLY)]
        assert room.sessions.renew(hocuspocus, "read-write", NOON) == [
            Send(hocuspocus, Authenticated("read-write")),
            Send(hocuspocus, SyncStep1(room.document.state_vector())),
        ]

    def test_a_token_can_be_requested_again(self, room: Room, hocuspocus: int) -> None:
        requested = room.sessions.expire(NOON - A_SECOND)
        room.sessions.request_token_again(hocuspocus)
        assert (
            room.sessions.expire(NOON - A_SECOND) == requested == [Send(hocuspocus, TokenWanted())]
        )
