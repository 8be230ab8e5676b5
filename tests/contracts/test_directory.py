"""What every directory does."""

from dataclasses import replace
from uuid import UUID

import pytest

from crdt.errors import PipelineNotFound
from crdt.room.session import UserProfile
from persistence.errors import Conflict, NotAllowed, StoreError, UnknownSubject
from persistence.ports.directory import Member, Role
from tests.contracts.stores import Stores, a_pipeline, an_id


async def role_of(stores: Stores, user_id: UUID, pipeline_id: UUID) -> Role | None:
    member = await stores.directory.member(user_id, pipeline_id)
    return None if member is None else member.role


@pytest.mark.parametrize("role", ["owner", "admin", "member", "viewer"])
async def test_a_member_has_the_role_of_the_team(stores: Stores, role: Role) -> None:
    pipeline = await stores.new_pipeline()
    await stores.directory.add_member(stores.team_id, stores.author.id, role)
    assert await role_of(stores, stores.author.id, pipeline) == role


async def test_a_member_is_seen_under_their_name(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    await stores.directory.add_member(stores.team_id, stores.author.id, "viewer")
    member = await stores.directory.member(stores.author.id, pipeline)
    assert member == Member(UserProfile(stores.author.id, stores.author.name), "viewer")


async def test_a_role_is_replaced_and_withdrawn(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    await stores.directory.add_member(stores.team_id, stores.author.id, "admin")
    await stores.directory.add_member(stores.team_id, stores.author.id, "viewer")
    assert await role_of(stores, stores.author.id, pipeline) == "viewer"
    await stores.directory.remove_member(stores.team_id, stores.author.id)
    assert await role_of(stores, stores.author.id, pipeline) is None


async def test_a_team_keeps_an_owner(stores: Stores) -> None:
    directory, other = stores.directory, await stores.directory.create_user("bo@example.org", "Bo")
    await directory.add_member(stores.team_id, stores.author.id, "owner")
    await directory.add_member(stores.team_id, other.id, "admin")
    with pytest.raises(Conflict, match="make somebody else its owner") as caught:
        await directory.add_member(stores.team_id, stores.author.id, "admin")
    assert caught.value.constraint == "team_keeps_an_owner"
    with pytest.raises(Conflict):
        await directory.remove_member(stores.team_id, stores.author.id)
    await directory.add_member(stores.team_id, other.id, "owner")
    await directory.remove_member(stores.team_id, stores.author.id)


async def test_an_outsider_has_no_role(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    assert await role_of(stores, stores.author.id, pipeline) is None
    assert await role_of(stores, an_id(77), pipeline) is None


async def test_no_pipeline_is_said_so(stores: Stores) -> None:
    with pytest.raises(PipelineNotFound, match=str(an_id(9))):
        await role_of(stores, stores.author.id, an_id(9))
    with pytest.raises(PipelineNotFound):
        await stores.directory.delete_pipeline(an_id(9))


async def test_many_roles_are_one_question(stores: Stores) -> None:
    first, second = await stores.new_pipeline(1), await stores.new_pipeline(2)
    ada, bob = stores.author.id, (await stores.directory.create_user("bob@x.org", "Bob")).id
    await stores.directory.add_member(stores.team_id, ada, "viewer")
    assert await stores.directory.roles(
        [(ada, first), (bob, first), (ada, second), (an_id(77), second), (ada, an_id(9))]
    ) == {
        (ada, first): "viewer",
        (bob, first): None,
        (ada, second): "viewer",
        (an_id(77), second): None,
    }
    assert await stores.directory.roles([]) == {}


async def test_a_user_is_found_whatever_the_case(stores: Stores) -> None:
    assert await stores.directory.user_by_email("ADA@Example.org") == stores.author


async def test_an_email_is_taken_whatever_the_case(stores: Stores) -> None:
    with pytest.raises(Conflict):
        await stores.directory.create_user("Ada@example.ORG", "Another Ada")


async def test_an_unknown_email_is_said_so(stores: Stores) -> None:
    with pytest.raises(UnknownSubject, match=r"eve@example\.org"):
        await stores.directory.user_by_email("eve@example.org")


async def test_a_new_pipeline_is_seeded_once_and_dirty(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    document = await stores.log.load(pipeline)
    assert [(update.seq, update.payload) for update in document.tail] == [(1, b"seed")]
    async with stores.projections.claim() as claim:
        assert claim is not None
        assert (claim.pipeline_id, claim.cursor) == (pipeline, 0)


async def test_a_new_pipeline_has_its_row(stores: Stores) -> None:
    row = a_pipeline("Böhm", description="", tags=("a", "b"), config={"n": [1, 2.5, None]})
    await stores.directory.create_pipeline(replace(stores.unborn_pipeline(), row=row))
    async with stores.projections.claim() as claim:
        assert claim is not None
        assert (await claim.stored_rows()).pipeline == row


async def test_a_pipeline_needs_its_team_and_author(stores: Stores) -> None:
    unborn = stores.unborn_pipeline()
    for stranger in (replace(unborn, team_id=an_id(77)), replace(unborn, created_by=an_id(77))):
        with pytest.raises(UnknownSubject, match=str(an_id(77))):
            await stores.directory.create_pipeline(stranger)
    assert await stores.log.append([stores.update(unborn.id)]) == [None]


async def test_the_role_of_the_author_is_asked_for_as_the_pipeline_is_written(
    stores: Stores,
) -> None:
    checked = replace(stores.unborn_pipeline(), needs_member=True)
    keeper = await stores.directory.create_user("keeper@example.org", "Keeper")
    await stores.directory.add_member(stores.team_id, keeper.id, "owner")
    for author in (stores.author.id, None):  # who is in no team yet
        with pytest.raises(NotAllowed):
            await stores.directory.create_pipeline(replace(checked, created_by=author))
    await stores.directory.add_member(stores.team_id, stores.author.id, "viewer")
    with pytest.raises(NotAllowed):
        await stores.directory.create_pipeline(checked)
    await stores.directory.add_member(stores.team_id, stores.author.id, "member")
    await stores.directory.create_pipeline(checked)
    assert (await stores.log.load(checked.id)).seq == 1


async def test_a_pipeline_may_have_no_author(stores: Stores) -> None:
    await stores.directory.create_pipeline(replace(stores.unborn_pipeline(), created_by=None))
    assert (await stores.log.load(an_id(1))).tail[0].user_id is None


async def test_a_pipeline_is_created_once(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    with pytest.raises(StoreError):
        await stores.new_pipeline()
    assert (await stores.log.load(pipeline)).seq == 1


async def test_a_bad_status_is_refused(stores: Stores) -> None:
    unborn = replace(stores.unborn_pipeline(), row=a_pipeline(status="done"))
    with pytest.raises(StoreError):
        await stores.directory.create_pipeline(unborn)


async def test_a_team_is_found_by_slug(stores: Stores) -> None:
    assert await stores.directory.team_by_slug("weavers") == stores.team_id
    assert await stores.directory.team_by_slug("looms/weavers") == stores.team_id
    for slug in ("spinners", "mills/weavers", "eavers"):
        with pytest.raises(UnknownSubject, match=slug):
            await stores.directory.team_by_slug(slug)


async def test_a_slug_of_two_teams_asks_for_the_organization(stores: Stores) -> None:
    mills = await stores.directory.create_organization("Mills", "mills")
    team = await stores.directory.create_team(mills, "Weavers", "weavers")
    with pytest.raises(UnknownSubject, match="looms/weavers, mills/weavers"):
        await stores.directory.team_by_slug("weavers")
    assert await stores.directory.team_by_slug("mills/weavers") == team


async def test_slugs_are_unique(stores: Stores) -> None:
    with pytest.raises(Conflict):
        await stores.directory.create_organization("Other looms", "looms")
    mills = await stores.directory.create_organization("Mills", "mills")
    await stores.directory.create_team(mills, "Weavers", "weavers")
    with pytest.raises(Conflict):
        await stores.directory.create_team(mills, "Other weavers", "weavers")


async def test_a_team_needs_its_organization(stores: Stores) -> None:
    with pytest.raises(UnknownSubject):
        await stores.directory.create_team(an_id(77), "Nobody", "nobody")
    with pytest.raises(UnknownSubject):
        await stores.directory.add_member(stores.team_id, an_id(77), "owner")


async def test_the_demo_is_there_once(stores: Stores) -> None:
    demo = await stores.directory.ensure_demo()
    assert await stores.directory.ensure_demo() == demo
    assert await stores.directory.team_by_slug("demo") == demo.team_id
    await stores.directory.create_pipeline(
        replace(stores.unborn_pipeline(), team_id=demo.team_id, created_by=demo.owner.id)
    )
    assert await role_of(stores, demo.owner.id, an_id(1)) == "owner"
    assert await role_of(stores, demo.viewer.id, an_id(1)) == "viewer"
    assert demo.owner.email == "owner@demo.pipeloom"
    assert demo.viewer.email == "viewer@demo.pipeloom"
