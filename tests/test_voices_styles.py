"""Voices over HTTP in a model of several languages: styles, names and aliases as profiles make them."""

from __future__ import annotations

from pathlib import Path

from tests.client import describe
from tests.http_serving import http
from tests.test_voices import record
from tests.voices_http import VOICES, form, hum, refused, send

LANGUAGES = ("de", "en", "fr")


async def test_a_style_is_a_voice_in_every_language_and_comes_and_goes_alone(tmp_path: Path) -> None:
    record(tmp_path / "voices" / "alice.wav")
    async with http(tmp_path, languages=LANGUAGES) as server:
        style = {
            "name": "alice-calm",
            "recording": "alice.wav",
            "label": "Calm Alice",
            "speed": 0.8,
            "aliases": ["calm"],
        }
        status, calm = await send(server, json=style)
        assert (status, calm["name"], calm["label"], calm["recording"]) == (
            201,
            "alice-calm",
            "Calm Alice",
            "alice.wav",
        )
        assert calm["names"] == {language: f"alice-calm-{language}" for language in LANGUAGES}
        assert (calm["style"], calm["aliases"]) == ({"speed": 0.8}, ["calm"])
        assert "alice-calm-fr" in [voice.name for voice in (await describe(server.running.uri)).tts[0].voices]
        await refused(server, 409, json={"name": "Calm", "speed": 1})
        await refused(server, 409, method="DELETE", path=f"{VOICES}/alice")
        status, slow = await send(
            server, method="PATCH", path=f"{VOICES}/alice-calm", json={"name": "slow", "label": None}
        )
        assert (status, slow["names"]["fr"], slow["label"]) == (200, "slow-fr", "slow")
        _, answer = await send(server, method="DELETE", path=f"{VOICES}/slow")
        assert answer["files"] == ["slow.yaml"]
        _, answer = await send(server, path=f"{VOICES}/slow/undelete")
        assert answer["voice"] == slow


async def test_what_is_set_for_one_language_is_not_shown_for_all_and_goes_with_the_voice(tmp_path: Path) -> None:
    folder = tmp_path / "voices"
    record(folder / "alice.wav")
    (folder / "alice.yaml").write_text("speed: 0.9\nseed: 1\n")
    (folder / "alice-de.yaml").write_text("speed: 0.7\n")
    async with http(tmp_path, languages=LANGUAGES) as server:
        _, alice = await server.get(f"{VOICES}/alice")
        assert alice["style"] == {"seed": 1}
        _, answer = await send(server, method="DELETE", path=f"{VOICES}/alice")
        assert answer["files"] == ["alice.wav", "alice.yaml", "alice-de.yaml"]
        _, answer = await send(server, path=f"{VOICES}/alice/undelete")
        assert answer["voice"] == alice | {"changed": answer["voice"]["changed"]}


async def test_a_new_voice_with_a_language_in_its_name_has_that_one(tmp_path: Path) -> None:
    async with http(tmp_path, languages=LANGUAGES) as server:
        status, bob = await send(server, form(hum(), name="bob-de"))
        assert (status, bob["name"], bob["names"], bob["recorded_language"]) == (201, "bob-de", {"de": "bob-de"}, "de")


async def test_the_models_own_voice_is_labelled_and_styled(tmp_path: Path) -> None:
    async with http(tmp_path, languages=LANGUAGES) as server:
        path = f"{VOICES}/default"
        _, own = await send(server, method="PATCH", path=path, json={"label": "House", "speed": 1.2})
        assert (own["label"], own["style"]) == ("House", {"speed": 1.2})
        _, own = await send(server, method="PATCH", path=path, json={"label": None, "speed": None})
        assert own["style"] == {}
        assert not list((tmp_path / "voices").glob("*.yaml"))


async def test_with_one_language_offered_names_stay(tmp_path: Path) -> None:
    record(tmp_path / "voices" / "alice.wav")
    async with http(tmp_path, "--languages", "de", languages=LANGUAGES) as server:
        _, answer = await server.get(VOICES)
        assert [(voice["name"], voice["names"]) for voice in answer["voices"]] == [
            ("default", {"de": "default-de"}),
            ("alice", {"de": "alice-de"}),
        ]


async def test_what_patch_changes_is_shown_beside_what_counts(tmp_path: Path) -> None:
    folder = tmp_path / "voices"
    record(folder / "alice.wav")
    record(folder / "bob-de.wav")
    (folder / "alice.yaml").write_text("label: Alice\nspeed: 0.9\naliases: [mum]\n")
    (folder / "alice-de.yaml").write_text("label: Alicia\nspeed: 0.7\naliases: [mutti]\n")
    (folder / "bob.yaml").write_text("seed: 3\n")
    (folder / "default.yaml").write_text("loudness: off\n")
    async with http(tmp_path, languages=LANGUAGES) as server:
        _, alice = await server.get(f"{VOICES}/alice")
        assert (alice["style"], sorted(alice["aliases"])) == ({}, ["mum", "mutti"])
        assert alice["profile"] == {"label": "Alice", "aliases": ["mum"], "style": {"speed": 0.9}}
        _, bob = await server.get(f"{VOICES}/bob-de")
        assert (bob["style"], bob["profile"]) == ({"seed": 3}, {"label": None, "aliases": [], "style": {}})
        _, own = await server.get(f"{VOICES}/default")
        assert own["profile"]["style"] == {"loudness": 0}
        changes = {"label": None, "aliases": ["mum", "ma"], "speed": None, "seed": 5}
        _, changed = await send(server, method="PATCH", path=f"{VOICES}/alice", json=changes)
        assert changed["profile"] == {"label": None, "aliases": ["mum", "ma"], "style": {"seed": 5}}
