"""Why files are no voices, and what is wrong with the folder and the pronunciations: codes for the page's words."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.client import PATIENCE
from tests.http_serving import http
from tests.serving import until
from tests.shares import SharedFile, SharedFolder
from tests.voices_http import VOICES, hum, refused
from wyoming_chatterbox.errors import ConfigError
from wyoming_chatterbox.problem import Reason
from wyoming_chatterbox.text.pronunciation_file import PronunciationFile
from wyoming_chatterbox.text.pronunciation_yaml import MAX_ENTRIES, parse
from wyoming_chatterbox.voices import profile

PROFILES: dict[str, tuple[str, dict[str, Any]]] = {
    "speed: fast": ("value-number", {"key": "speed", "value": "fast", "low": 0.25, "high": 4}),
    "seed: 1.5": ("value-whole", {"key": "seed", "value": "1.5", "low": 0, "high": 4294967295}),
    "language: tlh": ("value-language", {"key": "language", "value": "tlh"}),
    "recording: ../x.wav": ("value-file", {"key": "recording", "value": "../x.wav"}),
    f"label: {'x' * 101}": ("value-text", {"key": "label", "value": "x" * 100 + "…", "most": 100}),
    f"aliases: [{', '.join('abcdefghijklmnopqrstuvwxyzABCDEFG')}]": ("value-names", {"most": 32, "longest": 200}),
    "sped: 1": ("no-such-key", {"key": "sped"}),
    "- a list": ("profile-keys", {}),
    "label: [": ("no-yaml-at", {"line": 1}),
    f"seed: {'9' * 5000}": ("no-yaml", {}),
    f"label: {'x' * profile.MAX_BYTES}": ("file-large", {"bytes": profile.MAX_BYTES}),
    "recording: nobody.wav": ("recording-missing", {"name": "nobody.wav"}),
    "recording: broken.wav": ("recording-broken", {"file": "broken.wav"}),
    "aliases: [alice]": ("aliases-taken", {"aliases": "alice"}),
}


@pytest.mark.parametrize("content", PROFILES, ids=[code for code, _ in PROFILES.values()])
async def test_what_is_wrong_with_a_profile_has_a_code(tmp_path: Path, content: str) -> None:
    folder = tmp_path / "voices"
    folder.mkdir()
    (folder / "alice.wav").write_bytes(hum())
    (folder / "broken.wav").write_bytes(b"no sound")
    (folder / "bob.yaml").write_text(content)
    code, values = PROFILES[content]
    found = (await broken(tmp_path))["bob.yaml"]
    assert found["code"] == code
    assert found["values"].items() >= values.items()


async def test_every_file_that_is_no_voice_has_a_code(tmp_path: Path) -> None:
    folder = tmp_path / "voices"
    folder.mkdir()
    (folder / "alice.wav").write_bytes(hum())
    (folder / "a").mkdir()
    (folder / "a" / "alice.wav").write_bytes(hum(3.0))
    (folder / "alice.yaml").write_text("recording: bob.wav\n")
    (folder / "alice.yml").write_text("speed: 1\n")
    (folder / "bob.wav").write_bytes(hum())
    (folder / "bob.yaml").write_text("speed: 1\n")
    (folder / "bob.yml").write_text("speed: 1\n")
    (folder / "default.yaml").write_text("recording: bob.wav\n")
    (folder / "bob-fr.wav").write_bytes(hum())
    (folder / "bob-xx.wav").write_bytes(b"")
    (folder / "notes.txt").write_text("x")
    (folder / "link.wav").symlink_to("nowhere.wav")
    (folder / "link.yaml").symlink_to("nowhere.yaml")
    (folder / "folder.wav").mkdir()
    os.mkfifo(folder / "pipe.wav")
    os.mkfifo(folder / "pipe.yaml")
    (folder / "x\u200b.wav").write_bytes(hum())
    reasons = await broken(tmp_path, "--languages", "de", languages=("de", "fr"))
    assert {file: reason["code"] for file, reason in reasons.items()} == {
        "a/alice.wav": "name-taken",
        "alice.yaml": "profile-of-other",
        "bob-fr.wav": "language-not-offered",
        "bob-xx.wav": "recording-empty",
        "bob.yml": "profile-twice",
        "default.yaml": "profile-own",
        "folder.wav": "folder-no-file",
        "link.wav": "link-broken",
        "link.yaml": "file-unreadable",
        "notes.txt": "no-recording",
        "pipe.wav": "no-file",
        "pipe.yaml": "no-file",
        "'x\\u200b.wav'": "name-hidden",
    }


async def broken(directory: Path, *flags: str, **options: Any) -> dict[str, Any]:
    """The problem of each file that is no voice."""
    async with http(directory, *flags, **options) as server:
        _, answer = await server.get(VOICES)
        return {one["file"]: one["problem"] for one in answer["broken"]}


async def test_what_is_wrong_with_the_folder_has_a_code(tmp_path: Path) -> None:
    folder = SharedFolder(tmp_path / "elsewhere")
    folder.mkdir()
    async with http(tmp_path, voices_directory=folder) as server:
        assert "problem" not in (await server.get(VOICES))[1]["folder"]
        folder.answers.clear()
        await until(lambda: server.running.service.voices.trouble is not None)
        problem = (await server.get(VOICES))[1]["folder"]["problem"]
        assert problem == {"code": "folder-silent", "values": {"folder": str(folder), "seconds": 0.2}}
        folder.answers.set()
        await until(lambda: server.running.service.voices.trouble is None)
        shutil.rmtree(folder)
        await until(lambda: server.running.service.voices.trouble is not None)
        problem = (await server.get(VOICES))[1]["folder"]["problem"]
        assert problem["code"] == "folder-unreadable"
        assert problem["values"] == {"folder": str(folder), "error": "No such file or directory"}


async def test_what_is_wrong_with_the_pronunciations_has_a_code(tmp_path: Path) -> None:
    file = tmp_path / "words.yaml"
    file.write_text("a: x\nb: y\na: z\n")
    async with http(tmp_path, "--pronunciations", str(file)) as server:
        told = (await server.get("/info"))[1]["pronunciations"]
        values = {"file": str(file), "line": 3, "word": "a", "before": 1}
        assert told["problem"] == {"code": "words-twice", "values": values}
        file.write_text("a: x\n")
        await until(lambda: server.running.service.pronunciations.trouble is None)
        assert "problem" not in (await server.get("/info"))[1]["pronunciations"]


async def test_pronunciations_that_hang_have_a_code(tmp_path: Path) -> None:
    path = SharedFile(tmp_path / "words.yaml")
    path.answers.clear()
    file = PronunciationFile(path, poll_seconds=0.01, patience=0.05)
    await file.start()
    await until(lambda: file.trouble is not None)
    assert isinstance(file.trouble, Reason)
    assert file.trouble.problem.code == "pronunciations-silent"
    path.answers.set()
    await file.close()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"- a", "words-unread"),
        (b"a: b: c", "words-unread"),
        (b"a: \xff", "words-utf8"),
        (b"a: x\nb:\n", "words-unsaid"),
        (b"a" * 101 + b": x", "words-long"),
        (b"a: " + b"x" * 501, "words-long"),
        (b"xx:\n  a: b", "words-language"),
        ("\n".join(f"w{n}: x" for n in range(MAX_ENTRIES + 1)).encode(), "words-many"),
    ],
)
def test_what_is_wrong_in_a_line_has_a_code(content: bytes, code: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse(content, Path("words.yaml"))
    assert raised.value.problem.code == code
    assert {"file", "line"} <= set(raised.value.problem.values)


async def test_what_a_request_gets_wrong_has_a_code(tmp_path: Path) -> None:
    folder = tmp_path / "voices"
    folder.mkdir()
    (folder / "alice.wav").write_bytes(hum())
    async with http(tmp_path) as server:

        async def code(status: int, method: str = "PATCH", path: str = f"{VOICES}/alice", **options: Any) -> str:
            return str((await refused(server, status, method=method, path=path, **options))["problem"]["code"])

        assert await code(400, json={"sped": 1}) == "no-such-key"
        assert await code(400, json={"speed": 9}) == "value-number"
        assert await code(404, path=f"{VOICES}/nobody", json={}) == "unknown-voice"
        assert await code(409, "POST", "/retry") == "nothing-to-retry"
        assert await code(403, json={}, headers={"Origin": "http://elsewhere"}) == "foreign-origin"
        assert await code(400, "POST", "/v1/audio/speech", json={"input": "x" * 20_000}) == "text-long"
        (folder / "alice.yaml").write_text("speed: fast\n")
        assert await server.running.service.voices.refresh(PATIENCE)
        assert await code(409, json={"speed": 0.9}) == "profile-wrong"
