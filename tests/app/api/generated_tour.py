"""A tour of the API by a client that `openapi-python-client` made, which is on the path.

It takes the URL of a server and a token, and is run by the interpreter that has what clients need.
It prints nothing if all is well.
"""

# mypy: ignore-errors
import sys
from io import BytesIO
from uuid import UUID

from generated import AuthenticatedClient
from generated.api.pipelines import create_pipeline, list_pipelines
from generated.api.teams import list_teams
from generated.api.yaml import get_yaml, put_yaml, validate
from generated.models import ListPipelinesStatusItem, NewPipeline
from generated.types import File

FILE = "workflow:\n  name: put\n  steps:\n    - name: ask\n      type: claude\n"


def tour(client: AuthenticatedClient) -> None:
    """Make a pipeline, put a file into it, read it and find it."""
    team = list_teams.sync(client=client).items[0]
    assert isinstance(team.id, UUID)
    made = create_pipeline.sync(client=client, body=NewPipeline(team_id=team.id, name="made"))
    checked = validate.sync(client=client, body=File(BytesIO(FILE.encode())))
    put = put_yaml.sync(made.id, client=client, body=File(BytesIO(FILE.encode())))
    assert (checked.steps, put.steps) == (1, 1)
    assert "ask" in get_yaml.sync(made.id, client=client)
    drafts = [ListPipelinesStatusItem.DRAFT]
    found = list_pipelines.sync(client=client, status=drafts, id=[made.id], q="pu")
    assert [one.name for one in found.items] == ["put"]
    refused = get_yaml.sync(UUID(int=1), client=client)
    assert (refused.code.value, refused.status) == ("not_found", 404)


if __name__ == "__main__":
    url, token = sys.argv[1:]
    with AuthenticatedClient(base_url=f"{url}/api", token=token) as client:
        tour(client)
