"""The lists of pipelines: finding, beginning, changing, and the way back."""

import re
from importlib import resources
from uuid import UUID, uuid4

import httpx
import pytest
from playwright.async_api import Locator, Page, expect

from tests.server import OWNER, PATIENCE, VIEWER, Installation, Server
from tests.web.conftest import EDITOR, NewPipeline, OpenPage

pytestmark = pytest.mark.asyncio(loop_scope="session")

GOOD = """
workflow:
  name: Imported quokka
  steps:
    - name: look
      type: claude
      prompt: [{type: static, content: "Look at the wombat."}]
"""
NAMELESS = GOOD.replace("  name: Imported quokka\n", "")
BAD = "workflow:\n  name: [\n  steps: }\n"

ITS_YAML = """async () => {
    const headers = {Authorization: `Bearer ${localStorage.getItem("pipeloom.token")}`}
    return (await fetch(`/api${location.pathname}/yaml`, {headers})).text()
}"""


def row(page: Page, name: str) -> Locator:
    link = page.get_by_role("link", name=name, exact=True)
    return page.get_by_role("row").filter(has=link)


async def choose(page: Page, name: str, item: str) -> None:
    """Choose an item of the menu of a row."""
    await page.get_by_role("button", name=f"Actions for {name}", exact=True).click()
    await page.get_by_role("menuitem", name=item).click()


def notice(page: Page) -> Locator:
    return page.get_by_role("main").get_by_role("status")


async def test_files_become_pipelines_and_one_that_is_none_says_why(open_page: OpenPage) -> None:
    page = await open_page("/home")
    page.expected_errors.append("422")  # type: ignore[attr-defined]
    async with page.expect_file_chooser() as choosing:
        await page.get_by_role("button", name="Import", exact=True).click()
    await (await choosing.value).set_files(
        [
            {"name": "good.yaml", "mimeType": "application/yaml", "buffer": GOOD.encode()},
            {"name": "bad.yml", "mimeType": "application/yaml", "buffer": BAD.encode()},
        ]
    )
    results = page.get_by_role("region", name="Imports")
    await expect(results.get_by_role("status")).to_have_text("1 imported, 1 refused")
    await expect(results.get_by_text("Line 3, column")).to_be_visible()
    await expect(row(page, "Imported quokka")).to_be_visible()

    dropped = """yaml => {
        const files = new DataTransfer()
        files.items.add(new File([yaml], "nameless numbat.yaml"))
        for (const kind of ["dragover", "drop"]) {
            const options = {dataTransfer: files, bubbles: true, cancelable: true}
            document.querySelector("main").dispatchEvent(new DragEvent(kind, options))
        }
    }"""
    await page.evaluate(dropped, NAMELESS)
    await expect(results.get_by_role("status")).to_have_text("2 imported, 1 refused")
    await expect(row(page, "nameless numbat")).to_be_visible()
    await results.get_by_role("link", name="Open nameless numbat").click()
    await expect(page.locator(".react-flow__node", has_text="look")).to_be_visible()


async def exported(page: Page, item: Locator) -> str:
    async with page.expect_download() as downloading:
        await item.click()
    return (await (await downloading.value).path()).read_text()


async def test_what_is_exported_and_imported_again_is_the_same_pipeline(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    demo = resources.files("app").joinpath("demo.yaml").read_text()
    await new_pipeline(re.sub(r"(?m)^  name: .*$", "  name: Numbat and back", demo, count=1))
    page = await open_page("/home?q=numbat")
    await page.get_by_role("button", name="Actions for Numbat and back").click()
    export = page.get_by_role("menuitem", name="Export YAML")
    first = await exported(page, export)
    assert "security_audit" in first
    async with page.expect_file_chooser() as choosing:
        await page.get_by_role("button", name="Import", exact=True).click()
    file = {"name": "numbat.yaml", "mimeType": "application/yaml", "buffer": first.encode()}
    await (await choosing.value).set_files([file])  # type: ignore[list-item]
    await page.get_by_role("link", name="Open Numbat and back").click()
    await page.get_by_role("button", name="More", exact=True).first.click()
    assert await exported(page, export) == first


async def test_a_pipeline_is_forked_renamed_archived_deleted_and_brought_back(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    await new_pipeline(name="Platypus")
    page = await open_page("/home?q=platypus")
    await choose(page, "Platypus", "Fork")
    await page.get_by_role("dialog").get_by_role("button", name="Fork").click()
    await expect(notice(page)).to_contain_text("Made “Platypus (fork)”, a fork.")

    await choose(page, "Platypus (fork)", "Rename")
    await page.get_by_label("New name of Platypus (fork)").fill("Platypus two")
    await page.keyboard.press("Enter")
    await choose(page, "Platypus two", "Edit tags and description")
    await page.get_by_label("Tags", exact=True).last.fill("river, mammal,river")
    await page.get_by_role("button", name="Save").click()
    await expect(row(page, "Platypus two")).to_contain_text("rivermammal")
    await choose(page, "Platypus two", "Mark as active")
    await expect(row(page, "Platypus two")).to_contain_text("Active")

    await choose(page, "Platypus two", "Archive")
    await expect(row(page, "Platypus two")).to_have_count(0)
    await notice(page).get_by_role("button", name="Undo").click()
    await expect(row(page, "Platypus two")).to_contain_text("Active")

    await choose(page, "Platypus two", "Delete")
    await notice(page).get_by_role("button", name="Undo").click()
    await expect(notice(page)).to_contain_text("“Platypus two” is back.")
    await choose(page, "Platypus two", "Delete")
    await notice(page).get_by_role("button", name="Show the deleted").click()
    gone = page.get_by_role("listitem").filter(has_text="Platypus two")
    await expect(gone).to_contain_text("Deleted by Demo Owner, now")
    await expect(gone).to_contain_text("30 days left")
    await gone.get_by_role("button", name="Bring back").click()
    await page.get_by_role("button", name="Open it").click()
    await expect(page.get_by_role("textbox", name="Name of the pipeline")).to_have_value(
        "Platypus two"
    )


async def test_a_deleted_team_is_brought_back_by_its_owner(
    open_page: OpenPage, web_installation: Installation, web_server: Server
) -> None:
    async with web_installation.sql() as sql:
        organization = str(await sql.fetchval("SELECT id FROM organizations WHERE slug = 'demo'"))
    headers = {"Authorization": f"Bearer {await web_installation.token(OWNER)}"}
    async with httpx.AsyncClient(
        headers=headers, base_url=web_server.http("/api/"), timeout=PATIENCE
    ) as http:
        name = f"Bandicoots {uuid4().hex[:6]}"
        wanted = {"organization_id": organization, "name": name}
        team = (await http.post("teams", json=wanted)).json()["id"]
        await http.post("pipelines", json={"team_id": team, "name": "Bilby"})
        assert (await http.delete(f"teams/{team}?force=true")).status_code == 204
        page = await open_page("/home/deleted")
        gone = page.get_by_role("region", name="Deleted teams").get_by_role("listitem")
        gone = gone.filter(has_text=name)
        await expect(gone).to_contain_text("Demo, 1 pipeline")
        await expect(gone).to_contain_text("Deleted by Demo Owner, now")
        await expect(gone).to_contain_text("30 days left")
        await gone.get_by_role("button", name="Bring back").click()
        back = page.get_by_role("status").filter(has_text=f"The team “{name}” is back.")
        await expect(back).to_be_visible()
        await expect(gone).to_have_count(0)
        await page.goto(page.url.replace("/deleted", ""))
        await expect(row(page, "Bilby")).to_be_visible()
        # The other tests have one team, as they found it.
        assert (await http.delete(f"teams/{team}?force=true")).status_code == 204
    async with web_installation.sql() as sql:
        await sql.execute("DELETE FROM teams WHERE id = $1", UUID(team))


async def test_words_tags_and_status_find_and_keys_lead(
    open_page: OpenPage, new_pipeline: NewPipeline, web_server: Server
) -> None:
    for name, tag in (("Echidna one", "spiny"), ("Echidna two", "spiny"), ("Echidna three", "x")):
        await new_pipeline(f"workflow: {{name: {name}, tags: [{tag}], steps: []}}")
    page = await open_page("/home")
    await expect(row(page, "Echidna one")).to_be_visible()
    await page.keyboard.press("/")
    await page.keyboard.type("echidn")
    await expect(page.get_by_role("row")).to_have_count(4)
    await expect(row(page, "Echidna two").locator("mark")).to_have_text("Echidn")
    await page.get_by_role("button", name="Tags").click()
    await page.get_by_role("checkbox", name="spiny").check()
    await expect(page.get_by_role("row")).to_have_count(3)
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Best match").click()
    await page.get_by_role("menuitemradio", name="Name").click()
    await expect(page.get_by_role("row").nth(1)).to_contain_text("Echidna one")

    await page.keyboard.press("/")
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_role("link", name="Echidna one")).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("textbox", name="Name of the pipeline")).to_have_value(
        "Echidna two"
    )
    await page.go_back()
    await expect(page.get_by_role("row")).to_have_count(3)
    await page.get_by_role("radio", name="Active").click()
    await page.get_by_role("button", name="Clear them").click()
    await expect(page).to_have_url(web_server.http("/home"))
    await expect(page.get_by_role("button", name="Last edited")).to_be_visible()


async def test_the_best_match_comes_first_while_there_are_words(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    await new_pipeline(name="Genesis of a wallaby")
    in_a_prompt = GOOD.replace("quokka", "potoroo").replace("wombat", "genesis of a wallaby")
    await new_pipeline(in_a_prompt)
    page = await open_page("/home?sort=created")
    await expect(page.get_by_role("button", name="Newest")).to_be_visible()
    await expect(row(page, "Imported potoroo")).to_be_visible()
    await page.get_by_role("searchbox").fill("wallaby gene")
    await expect(page.get_by_role("row")).to_have_count(3)
    await expect(page.get_by_role("button", name="Best match")).to_be_visible()
    await expect(page.get_by_role("row").nth(1)).to_contain_text("Genesis of a wallaby")
    await expect(page.locator("mark").first).to_have_text("Gene")
    await page.get_by_role("searchbox").fill("")
    await expect(page.get_by_role("button", name="Newest")).to_be_visible()


async def test_a_list_shows_who_is_where_and_what_is_wrong(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    pipeline = await new_pipeline(GOOD.replace("claude", "cluade").replace("quokka", "bilby"))
    page = await open_page("/home?q=bilby")
    mine = row(page, "Imported bilby")
    await expect(mine.get_by_role("img", name="Warnings:")).to_be_visible()
    await expect(mine.locator("svg rect")).to_have_count(1)
    await expect(mine.get_by_role("img", name="Erin Editor")).to_have_count(0)
    await open_page(f"/pipelines/{pipeline}", EDITOR)
    await expect(mine.get_by_role("img", name="Erin Editor")).to_be_visible()
    await choose(page, "Imported bilby", "Delete")
    await expect(page.get_by_role("dialog")).to_contain_text("In it now: Erin Editor.")
    await page.get_by_role("button", name="Cancel").click()

    await choose(page, "Imported bilby", "Star")
    await page.get_by_role("link", name="Starred").click()
    await expect(row(page, "Imported bilby")).to_be_visible()
    await row(page, "Imported bilby").click()
    await page.locator(".react-flow__node").wait_for()
    await page.go_back()
    await page.get_by_role("link", name="Recent").click()
    await expect(page.get_by_role("row").nth(1)).to_contain_text("Imported bilby")


async def test_a_template_is_saved_and_used_with_a_value_for_its_variable(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    await new_pipeline(GOOD.replace("quokka", "dingo").replace("wombat", "{{template.animal}}"))
    page = await open_page("/home?q=dingo")
    await choose(page, "Imported dingo", "Save as a template")
    await page.get_by_label("Name", exact=True).fill("Looking")
    await page.get_by_role("button", name="Save").click()
    await expect(notice(page)).to_contain_text("Saved the template “Looking”.")
    await page.get_by_role("link", name="Templates").click()
    await page.get_by_role("button", name="Use Looking").click()
    make = page.get_by_role("button", name="Make the pipeline")
    await expect(make).to_have_attribute("title", "Fill in animal first")
    await page.get_by_label("animal").fill("wombats")
    await make.click()
    await page.locator(".react-flow__node", has_text="look").wait_for()
    assert "Look at the wombats." in await page.evaluate(ITS_YAML)


async def test_a_viewer_learns_why_nothing_can_be_changed(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    await new_pipeline(name="Kookaburra")
    page = await open_page("/home?q=kookaburra", VIEWER)
    reason = "Your role in this team lets you read: ask an owner of the team"
    for name in ("New pipeline", "Import"):
        button = page.get_by_role("button", name=name, exact=True)
        await expect(button).to_have_attribute("title", reason)
    await page.get_by_role("button", name="Actions for Kookaburra").click()
    for item in ("Rename", "Fork", "Archive", "Delete"):
        await expect(page.get_by_role("menuitem", name=item)).to_have_attribute("title", reason)
    async with page.expect_download() as downloading:
        await page.get_by_role("menuitem", name="Export YAML").click()
    assert (await downloading.value).suggested_filename == "Kookaburra.yaml"


async def test_a_list_that_could_not_be_read_is_read_again(open_page: OpenPage) -> None:
    page = await open_page("/home")
    page.expected_errors.append("Failed to load resource")  # type: ignore[attr-defined]
    paths = {"Templates": "**/api/templates?*", "Deleted": "**/api/deleted-pipelines?*"}
    for name, path in paths.items():
        await page.route(path, lambda route: route.fulfill(status=503))
        await page.get_by_role("link", name=name).click()
        again = page.get_by_role("alert").get_by_role("button", name="Try again")
        await expect(again).to_be_visible()
        await page.unroute(path)
        await again.click()
        await expect(
            page.get_by_role("searchbox", name=f"Search the {name.lower()}")
        ).to_be_visible()
        await expect(again).to_have_count(0)


async def test_another_team_begins_with_nothing(
    open_page: OpenPage, web_server: Server, web_installation: Installation
) -> None:
    headers = {"Authorization": f"Bearer {await web_installation.token(OWNER)}"}
    async with httpx.AsyncClient(
        base_url=web_server.http("/api"), headers=headers, timeout=PATIENCE
    ) as http:
        organization = (await http.get("/organizations")).json()["items"][0]["id"]
        made = await http.post("/teams", json={"organization_id": organization, "name": "Marsh"})
        page = await open_page("/home")
        # The newest team is the first one, until another one is chosen.
        await page.get_by_role("button", name="Team: Marsh").click()
        await page.get_by_role("menuitem", name="Demo").click()
        await expect(page.get_by_role("row").nth(1)).to_be_visible()
        await page.get_by_role("button", name="Team: Demo").click()
        await page.get_by_role("menuitem", name="Marsh").click()
        await expect(page.get_by_role("heading", name="Start with a pipeline")).to_be_visible()
        await page.get_by_role("main").get_by_role("button", name="New pipeline").last.click()
        await expect(page.get_by_role("textbox", name="Name of the pipeline")).to_have_value(
            "Untitled pipeline"
        )
        await page.close()
        assert (await http.delete(f"/teams/{made.json()['id']}?force=true")).status_code == 204
