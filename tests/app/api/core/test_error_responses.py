import json

import pytest

from app.api.core.error_responses import problem_response
from app.api.core.problems import BadCursor, NotModified, TooManyRequests
from crdt import errors
from crdt.errors import PipeloomError
from persistence import errors as store


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.Unauthenticated(), 401),
        (errors.PipelineNotFound(), 404),
        (errors.UnknownEntry("no step"), 404),
        (errors.UnknownEntry("no step", "parent_step_id"), 422),
        (errors.EditConflict("taken", "name"), 409),
        (errors.InvalidEdit("bad"), 422),
        (errors.PipelineFileError("bad", 1, 2), 422),
        (errors.MalformedUpdate(), 422),
        (errors.Overloaded(), 503),
        (errors.Draining(), 503),
        (errors.DocumentPoisoned("panic"), 503),
        (store.StoreUnavailable("away"), 503),
        (store.UnknownSubject("no team"), 404),
        (store.NotAllowed("policy"), 403),
        (store.Conflict("detail", "team_members_pkey"), 409),
        (store.Conflict("detail", "unheard_of"), 409),
        (store.InvalidValue("value"), 422),
        (store.SchemaOutdated("migrate"), 500),
        (store.StoreError("bug"), 500),
        (BadCursor(), 400),
        (TooManyRequests(3), 429),
    ],
    ids=lambda one: type(one).__name__ if isinstance(one, PipeloomError) else "",
)
def test_every_error_has_a_status_and_is_a_problem(error: PipeloomError, status: int) -> None:
    response = problem_response(error)
    document = json.loads(bytes(response.body))
    assert (response.status_code, document["status"]) == (status, status)
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
