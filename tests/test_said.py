"""POST /said, and the page: what would be said of a text, so that a person sees why it sounds as it does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.http_serving import Http, http
from tests.serving import until


async def said(server: Http, **request: Any) -> tuple[int, dict[str, Any]]:
    async with server.client.post("/said", json=request) as response:
        answer: dict[str, Any] = await response.json()
        return response.status, answer


async def test_it_is_shown_and_not_said(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("IKEA: ee kay ah\nde:\n  IKEA: Ickeeah\n")
    async with http(tmp_path, "--pronunciations", str(mine), languages=("en", "de")) as server:
        assert await said(server, input="**At** IKEA. Really!") == (200, {"said": ["At ee kay ah.", "Really!"]})
        assert await said(server, input="Bei IKEA.", voice="default-de") == (200, {"said": ["Bei Ickeeah."]})
        assert await said(server, input="...") == (200, {"said": []})
        paused = {"said": ["Wait for it.", "(pause 1 s)", "It is here."]}
        assert await said(server, input='Wait for it. <break time="1s"/> It is here.') == (200, paused)
        assert server.running.chatterbox.texts == []


async def test_a_wrong_request_is_refused_as_for_speech(tmp_path: Path) -> None:
    async with http(tmp_path, "--max-total-length", "100") as server:
        status, answer = await said(server)
        assert (status, answer["error"]["message"]) == (400, "input is missing")
        status, answer = await said(server, input="a", voice="nobody")
        assert (status, answer["error"]["code"]) == (400, "unknown-voice")
        status, answer = await said(server, input="a" * 101)
        assert (status, answer["error"]["message"]) == (
            400,
            "The text is 101 characters long; 100 is the limit (--max-total-length)",
        )


async def test_info_tells_of_the_pronunciations(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("IKEA: ee kay ah\n")
    async with http(tmp_path, "--pronunciations", str(mine)) as server:
        about = (await server.get("/info"))[1]["pronunciations"]
        assert about == {"file": str(mine), "entries": 1, "trouble": None}
        mine.write_text("IKEA: [\n")
        await until(lambda: server.running.service.pronunciations.trouble is not None)
        about = (await server.get("/info"))[1]["pronunciations"]
        assert about["entries"] == 1
        assert f"{mine}, line 1: the pronunciation of 'IKEA' is no text" in about["trouble"]
