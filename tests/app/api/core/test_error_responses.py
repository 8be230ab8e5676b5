import json

import pytest

from app.api.core.error_responses import problem_response
from app.api.core.problems import BadCursor, NotFound, NotModified, TooManyRequests
from app.auth.tokens import NotRenewable
from crdt import errors
from crdt.errors import PipeloomError
from persistence import errors as store


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.Unauthenticated(), 401, "unauthenticated"),
        (errors.PipelineNotFound(), 404, "not_found"),
        (errors.UnknownEntry("no step"), 404, "unknown_entry"),
        (errors.UnknownEntry("no step", "parent_step_id"), 422, "unknown_entry"),
        (errors.EditConflict("taken", "name"), 409, "edit_conflict"),
        (errors.InvalidEdit("bad"), 422, "invalid_edit"),
        (errors.PipelineTooLarge(), 422, "pipeline_too_large"),
        (errors.Forbidden(), 403, "forbidden"),
        (errors.MessageTooBig(), 413, "too_big"),
        (store.NotStoredYet("taken"), 503, "not_stored_yet"),
        (NotRenewable("over"), 403, "not_renewable"),
        (NotFound("gone"), 404, "not_found"),
        (errors.PipelineFileError("bad", 1, 2), 422, "invalid_file"),
        (errors.MalformedUpdate(), 422, "invalid"),
        (errors.Overloaded(), 503, "overloaded"),
        (errors.Draining(), 503, "draining"),
        (errors.DocumentPoisoned("panic"), 503, "overloaded"),
        (store.StoreUnavailable("away"), 503, "store_unavailable"),
        (store.UnknownSubject("no team"), 404, "not_found"),
        (store.NotAllowed("policy"), 403, "forbidden"),
        (store.Conflict("detail", "team_members_pkey"), 409, "conflict"),
        (store.Conflict("detail", "unheard_of"), 409, "conflict"),
        (store.InvalidValue("value"), 422, "invalid"),
        (store.SchemaOutdated("migrate"), 500, "failed"),
        (store.StoreError("bug"), 500, "failed"),
        (BadCursor(), 400, "bad_cursor"),
        (TooManyRequests(3), 429, "too_many_requests"),
    ],
    ids=lambda one: type(one).__name__ if isinstance(one, PipeloomError) else "",
)
def test_every_error_has_a_status_and_a_code_and_is_a_problem(
    error: PipeloomError, status: int, code: str
) -> None:
    response = problem_response(error)
    document = json.loads(bytes(response.body))
    assert (response.status_code, document["status"]) == (status, status)
    assert document["code"] == code
    assert response.headers["content-type"] == "application/problem+json"
    assert ("retry-after" in response.headers) is (status in (429, 503))
    assert ("www-authenticate" in response.headers) is (status == 401)
    assert ("errors" in document) is (status in (409, 422) and isinstance(error, _WITH_PLACE))


_WITH_PLACE = (errors.EditRefused, errors.PipelineFileError)


@pytest.mark.parametrize(
    "error",
    [
        store.StoreUnavailable("postgresql://secret@db"),
        store.StoreError("SELECT secret"),
        store.Conflict('duplicate key: Key (secret)=("x")', "unheard_of"),
        store.UnknownSubject("Key (secret)"),
        store.NotAllowed("policy of table secret"),
    ],
)
def test_messages_of_the_database_are_not_shown(error: PipeloomError) -> None:
    assert b"secret" not in bytes(problem_response(error).body)


def test_what_has_not_changed_has_no_body() -> None:
    response = problem_response(NotModified('"x"'))
    assert (response.status_code, response.body, response.headers["etag"]) == (304, b"", '"x"')
