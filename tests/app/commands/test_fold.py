"""`pipeloom fold` shows first, and does it when told to."""

from uuid import UUID

from pycrdt import Map

from tests.app.test_crash import CAUGHT_UP
from tests.editor import Editor, joined
from tests.server import Installation, eventually

OLD_ROWS = """
SELECT count(*) FROM pipeline_updates
WHERE pipeline_id = $1 AND received_at < now() - interval '30 days'
"""
AGED = "UPDATE pipeline_updates SET received_at = received_at - interval '40 days'"


async def drag(editor: Editor, moves: int) -> None:
    """Move a note about, one edit after another."""
    for x in range(moves):
        await editor.edit(lambda _, x=x: editor.notes.update({"dragged": x}))  # type: ignore[misc]
    await editor.until_echoed()


async def test_folding_is_shown_first_and_done_when_told_to(installation: Installation) -> None:
    async with installation.serve() as server:
        token, demo = await installation.token(), await installation.demo_pipeline()
        room = server.room(demo, token)
        async with joined(room) as editor, installation.sql() as sql:
            await drag(editor, 30)

            async def caught_up() -> bool:
                return bool(await sql.fetchval(CAUGHT_UP, demo))

            await eventually("rows up to date", caught_up)
            young = await installation.run("fold")
            assert (young.code, young.out) == (0, "")
            await sql.execute(AGED)
            before = await sql.fetchval(OLD_ROWS, demo)
            shown = await installation.run("fold")
            assert shown.code == 0
            assert shown.out.startswith(f"{demo}: {before} → ")
            assert "1 pipelines would be folded, 0 cannot be" in shown.err
            assert "--apply" in shown.err
            assert await sql.fetchval(OLD_ROWS, demo) == before
            done = await installation.run("fold", "--apply", "--pipeline", demo)
            assert (done.code, done.out) == (0, shown.out)
            assert await sql.fetchval(OLD_ROWS, demo) < before / 3
            assert (await installation.run("fold", "--apply")).out == ""
            assert (await installation.run("check")).code == 0
            await editor.edit(lambda _: editor.notes.update({"later": Map({})}))
            await editor.until_echoed()
    absent = await installation.run("fold", "--pipeline", str(UUID(int=404)))
    assert absent.code == 1
    assert "no pipeline" in absent.err
    assert (await installation.run("fold", "--older-than", "0")).code == 2
