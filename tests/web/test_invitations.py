"""Inviting people to a team, and answering: who gets in, what is said, and that all can use it."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from secrets import token_urlsafe

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, Route, expect

from tests.server import OWNER, VIEWER, Installation, Server
from tests.web.axe import Looks
from tests.web.conftest import NARROW, NewPipeline, OpenPage

pytestmark = pytest.mark.asyncio(loop_scope="session")

_NUMBERS = count(1)


@pytest.fixture
def looks() -> Iterator[Looks]:
    """Collects what axe finds; whatever that is fails the test, once all views were looked at."""
    looking = Looks()
    yield looking
    assert "\n".join(looking.found) == ""


@pytest_asyncio.fixture(loop_scope="session")
async def newcomer(web_server: Server, web_installation: Installation) -> AsyncIterator[str]:
    """The address of somebody who is in no team; gone afterwards.

    A test names it first, so that it outlives their pages: those of nobody are answered 404.
    """
    email = f"newcomer-{next(_NUMBERS)}@demo.pipeloom"
    async with web_installation.sql() as sql:
        await sql.execute("INSERT INTO users (email, name) VALUES ($1, 'Nell Newcomer')", email)
        yield email
        await sql.execute("DELETE FROM users WHERE email = $1", email)
        await sql.execute("DELETE FROM invitations WHERE email = $1", email)


async def invite(installation: Installation, email: str, role: str = "member") -> None:
    """Invite somebody to the demo team, as its owner."""
    async with installation.sql() as sql:
        await sql.execute(
            "INSERT INTO invitations (team_id, email, role, invited_by, expires_at) "
            "SELECT m.team_id, $1, $2, u.id, now() + interval '14 days' FROM users AS u "
            "JOIN team_members AS m ON m.user_id = u.id WHERE u.email = $3 LIMIT 1",
            email,
            role,
            OWNER,
        )


async def role_of(installation: Installation, email: str) -> str | None:
    async with installation.sql() as sql:
        role: str | None = await sql.fetchval(
            "SELECT m.role FROM users AS u JOIN team_members AS m ON m.user_id = u.id "
            "WHERE u.email = $1",
            email,
        )
        return role


def notice(page: Page, words: str) -> Locator:
    return page.get_by_role("status").filter(has_text=words)


async def people(page: Page) -> Locator:
    """Open the dialog with the people of the team."""
    await page.get_by_role("button", name="Team: Demo").click()
    await page.get_by_role("menuitem", name="People").click()
    dialog = page.get_by_role("dialog", name="People in Demo")
    await expect(dialog.get_by_text("Demo Owner (you)")).to_be_visible()
    return dialog


async def test_an_owner_invites_and_the_invited_accepts(
    newcomer: str, open_page: OpenPage, web_installation: Installation, looks: Looks
) -> None:
    page = await open_page("/home")
    dialog = await people(page)
    await dialog.get_by_label("Email address").fill(newcomer.upper())
    await dialog.get_by_label("Role").select_option("Viewer: reads")
    await dialog.get_by_role("button", name="Invite", exact=True).click()
    await expect(dialog.get_by_role("status")).to_contain_text(f"{newcomer} is invited")
    row = dialog.get_by_role("list", name="Invited to Demo").get_by_role("listitem")
    await expect(row.filter(has_text=newcomer)).to_contain_text("By Demo Owner, 14 days left")
    await expect(dialog.get_by_text("Nell")).to_have_count(0)
    await looks.at(page, "people of a team")

    theirs = await open_page("/home", newcomer)
    await expect(theirs.get_by_role("heading", name="You are in no team yet")).to_be_visible()
    asked = theirs.get_by_role("list", name="Invitations").get_by_role("listitem")
    await expect(asked).to_contain_text("You are invited to Demo by Demo Owner")
    await looks.at(theirs, "an invitation")
    await theirs.get_by_role("button", name="Accept the invitation to Demo").click()
    await expect(notice(theirs, "You are in Demo now.")).to_be_visible()
    await expect(asked).to_have_count(0)
    await expect(theirs.get_by_role("button", name="Team: Demo")).to_be_visible()
    await expect(theirs.get_by_role("row").nth(1)).to_be_visible()
    assert await role_of(web_installation, newcomer) == "viewer"

    await page.keyboard.press("Escape")
    member = (await people(page)).get_by_role("listitem").filter(has_text="Nell Newcomer")
    await expect(member).to_contain_text("Viewer")


async def test_who_declines_is_not_in_and_the_team_sees_nothing_of_it(
    newcomer: str, open_page: OpenPage, web_installation: Installation
) -> None:
    await invite(web_installation, newcomer)
    theirs = await open_page("/home", newcomer)
    await theirs.get_by_role("button", name="Decline the invitation to Demo").click()
    await expect(notice(theirs, "Declined the invitation to Demo.")).to_be_visible()
    await expect(theirs.get_by_role("list", name="Invitations")).to_have_count(0)
    assert await role_of(web_installation, newcomer) is None
    dialog = await people(await open_page("/home"))
    await expect(dialog.get_by_text(newcomer)).to_be_visible()


async def test_what_is_withdrawn_meanwhile_says_so(
    newcomer: str, open_page: OpenPage, web_installation: Installation
) -> None:
    await invite(web_installation, newcomer)
    theirs = await open_page("/home", newcomer)
    theirs.expected_errors.append("404")  # type: ignore[attr-defined]
    accept = theirs.get_by_role("button", name="Accept the invitation to Demo")
    await expect(accept).to_be_visible()
    page = await open_page("/home")
    dialog = await people(page)
    await dialog.get_by_role("button", name=f"Withdraw the invitation of {newcomer}").click()
    await expect(dialog.get_by_text(newcomer)).to_have_count(0)
    await accept.click()
    await expect(theirs.get_by_role("alert")).to_contain_text("may have been withdrawn")
    await expect(accept).to_have_count(0)
    assert await role_of(web_installation, newcomer) is None


async def test_what_cannot_be_invited_says_why(open_page: OpenPage) -> None:
    page = await open_page("/home")
    page.expected_errors.append("409")  # type: ignore[attr-defined]
    dialog = await people(page)
    await dialog.get_by_label("Email address").fill(VIEWER)
    await dialog.get_by_role("button", name="Invite", exact=True).click()
    await expect(dialog.get_by_role("alert").first).to_contain_text("in this team already")

    viewer = await open_page("/home", VIEWER)
    await viewer.get_by_role("button", name="Team: Demo").click()
    await viewer.get_by_role("menuitem", name="People").click()
    button = viewer.get_by_role("dialog").get_by_role("button", name="Invite", exact=True)
    await expect(button).to_have_attribute(
        "title", "Admins of the team invite people: ask one of them"
    )
    await expect(viewer.get_by_role("list", name="Members of Demo")).to_contain_text("Demo Owner")
    await expect(viewer.get_by_role("list", name="Invited to Demo")).to_have_count(0)


async def test_in_a_narrow_window_nothing_is_cut(
    newcomer: str, open_page: OpenPage, web_installation: Installation, looks: Looks
) -> None:
    await invite(web_installation, newcomer, "admin")
    theirs = await open_page("/home", newcomer, **NARROW)
    accept = theirs.get_by_role("button", name="Accept the invitation to Demo")
    await expect(accept).to_be_in_viewport(ratio=1)
    await looks.at(theirs, "an invitation, narrow")
    page = await open_page("/home", **NARROW)
    dialog = await people(page)
    withdraw = dialog.get_by_role("button", name=f"Withdraw the invitation of {newcomer}")
    await withdraw.scroll_into_view_if_needed()
    await expect(withdraw).to_be_in_viewport(ratio=1)
    await expect(dialog.get_by_label("Email address")).to_be_in_viewport(ratio=1)
    await looks.at(page, "people of a team, narrow")


async def link_from(place: Locator) -> str:
    """Make a link where people of a team are managed; return its address."""
    await place.get_by_role("radio", name="By link").click()
    await place.get_by_role("button", name="Make a link").click()
    return await place.get_by_label("Invitation link").input_value()


async def test_a_link_lets_a_stranger_in_until_it_is_revoked(
    open_page: OpenPage, web_server: Server, web_installation: Installation, looks: Looks
) -> None:
    page = await open_page("/home")
    dialog = await people(page)
    await dialog.get_by_role("radio", name="By link").click()
    await dialog.get_by_label("They join as").select_option("Viewer: reads")
    link = await link_from(dialog)
    assert link.startswith(web_server.http("/#invitation="))
    await looks.at(page, "a link to a team")

    path = link.removeprefix(web_server.http(""))
    guest = await open_page(path, None, **NARROW)
    guest.expected_errors += ["409", "401", "404"]  # type: ignore[attr-defined]
    await expect(guest.get_by_role("heading", name="Join Demo")).to_be_visible()
    await expect(guest.get_by_role("main")).to_contain_text("Demo Owner invites you to Demo")
    await expect(guest.get_by_label("Your name")).to_be_focused()
    await looks.at(guest, "an invitation by link, narrow")
    # Nothing of the secret is in the address, and a window that is loaded anew has it still.
    await expect(guest).to_have_url(web_server.http("/"))
    await guest.reload()
    email = f"stranger-{next(_NUMBERS)}@demo.pipeloom"
    await guest.get_by_label("Your name").fill("Sam Stranger")
    await guest.get_by_label("Your email address").fill(OWNER)
    join = guest.get_by_role("button", name="Join the team")
    await join.click()
    await expect(guest.get_by_role("alert").first).to_contain_text("Somebody here has this address")
    await guest.get_by_label("Your email address").fill(email)
    await join.click()
    await expect(notice(guest, "You are in Demo now.")).to_be_visible()
    await expect(guest.get_by_role("row").nth(1)).to_be_visible()
    assert await role_of(web_installation, email) == "viewer"
    await guest.goto(link)
    await guest.get_by_role("button", name="Open the team").click()
    await expect(guest.get_by_role("heading", name="Pipelines")).to_be_visible()

    await page.keyboard.press("Escape")
    links = (await people(page)).get_by_role("list", name="Links to Demo").get_by_role("listitem")
    await expect(links).to_contain_text("1 of 25 joined")
    await links.get_by_role("button", name="Revoke").click()
    await expect(links).to_have_count(0)
    await guest.evaluate("localStorage.clear()")
    await guest.goto(link)
    await expect(guest.get_by_role("alert")).to_have_text(
        "This invitation was revoked. Ask whoever sent it to you for a new one."
    )
    await looks.at(guest, "a revoked invitation")
    await guest.get_by_role("button", name="Sign in").click()
    await expect(guest.get_by_role("heading", name="Sign in to Pipeloom")).to_be_visible()
    async with web_installation.sql() as sql:
        await sql.execute("DELETE FROM users WHERE email = $1", email)


async def ended_link(installation: Installation, secret: str, **ended: object) -> None:
    """A link to the demo team that lets nobody in any more."""
    columns = {"expires_at": datetime.now(UTC) + timedelta(days=1), "uses": 0, **ended}
    async with installation.sql() as sql:
        await sql.execute(
            "INSERT INTO invitation_links (team_id, digest, role, invited_by, max_uses, "
            f"{', '.join(columns)}) SELECT m.team_id, sha256($1), 'member', m.user_id, 1, $2, $3 "
            "FROM users AS u JOIN team_members AS m ON m.user_id = u.id WHERE u.email = $4 LIMIT 1",
            secret.encode(),
            *columns.values(),
            OWNER,
        )


async def test_of_each_link_that_leads_nowhere_it_is_said_why_and_what_to_do(
    open_page: OpenPage, web_server: Server, web_installation: Installation, looks: Looks
) -> None:
    expired, used_up, unknown = (token_urlsafe(32) for _ in range(3))
    await ended_link(web_installation, expired, expires_at=datetime.now(UTC) - timedelta(days=1))
    await ended_link(web_installation, used_up, uses=1)
    guest = await open_page("/", None, **NARROW)
    guest.expected_errors += ["401", "404"]  # type: ignore[attr-defined]
    for secret, why in {
        expired: "This invitation has expired. ",
        used_up: "As many people have joined by this invitation as it was for. ",
        unknown: "This invitation is not known here: its link is not whole, or it ended long ago. ",
        "cut": "A part of this link is missing: copy the whole of it, or ",
    }.items():
        await guest.goto(web_server.http(f"/#invitation={secret}"))
        alert = guest.get_by_role("alert")
        await expect(alert).to_contain_text(why)
        await expect(alert).to_contain_text("sk whoever sent it to you for a new one.")
    await looks.at(guest, "an invitation that is not known, narrow")
    async with web_installation.sql() as sql:
        await sql.execute("DELETE FROM invitation_links")


async def test_who_signs_in_goes_on_to_the_pipeline_of_a_link(
    newcomer: str, open_page: OpenPage, web_installation: Installation, new_pipeline: NewPipeline
) -> None:
    page = await open_page(f"/pipelines/{await new_pipeline(name='Behind a link')}")
    await page.get_by_role("button", name="Share").click()
    link = await link_from(page.get_by_label("Share", exact=True))

    theirs = await open_page("/home", None)
    theirs.expected_errors.append("net::ERR")  # type: ignore[attr-defined]
    await theirs.route("**/invitation-links/offer", lambda route: route.abort())
    await theirs.goto(link)
    await expect(theirs.get_by_role("alert")).to_contain_text("cannot be reached")
    await theirs.unroute("**/invitation-links/offer")
    # As where an identity provider makes the tokens.
    await theirs.route("**/invitation-links/offer", without_accounts)
    await theirs.get_by_role("button", name="Try again").click()
    await expect(theirs.get_by_text("This server makes no accounts")).to_be_visible()
    await theirs.get_by_label("Token").fill(await web_installation.token(newcomer))
    await theirs.get_by_role("button", name="Sign in").click()
    await expect(theirs.get_by_text(f"signed in as Nell Newcomer, {newcomer}")).to_be_visible()
    await theirs.get_by_role("button", name="Join the team").click()
    await expect(theirs.get_by_role("textbox", name="Name of the pipeline")).to_have_value(
        "Behind a link"
    )
    assert await role_of(web_installation, newcomer) == "member"
    async with web_installation.sql() as sql:
        await sql.execute("DELETE FROM invitation_links")


async def without_accounts(route: Route) -> None:
    answer = await route.fetch()
    await route.fulfill(response=answer, json={**await answer.json(), "gives_accounts": False})
