"""A recording that a new one takes the place of: it stays until the new one is there as a whole, whatever happens."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.client import PATIENCE
from tests.http_serving import Http, http
from tests.voices_http import VOICES, form, hum, listed, names, refused, send
from wyoming_chatterbox.voices.library import Library
from wyoming_chatterbox.voices.upload import Upload

KILLED_AT_EACH_STEP = """
import json, os, shutil, signal, sys
from pathlib import Path
from wyoming_chatterbox.voices.profile import Profile
from wyoming_chatterbox.voices.voice_files import VoiceFiles

folder, suffix, how = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
before = {"bob.wav": "old", "bob.yaml": "speed: 0.9\\n"}


def replace(step):
    # Python tells its audit hooks of each step on the file system before it does it.
    left = step

    def hook(event, args):
        nonlocal left
        if (event == "open" or event.startswith(("os.", "shutil."))) and any(str(folder) in str(arg) for arg in args):
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    files = VoiceFiles(folder)
    sound = files.temporary()
    sound.write_text("new")
    sys.addaudithook(hook)
    files.add("bob", sound, suffix, Profile(), **how)


def restart():
    # As a server does that starts when the leftovers are old enough.
    for path in [*folder.rglob("*"), *folder.glob(".*")]:
        os.utime(path, (0, 0))
    VoiceFiles(folder).remove_leftovers()


step, is_killed = 0, True
while is_killed:
    step += 1
    folder.mkdir()
    for name, content in before.items():
        (folder / name).write_text(content)
    if (child := os.fork()) == 0:
        replace(step)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    is_killed = os.WIFSIGNALED(status)
    assert is_killed or status == 0
    restart()
    print(json.dumps({path.name: path.read_text() for path in folder.iterdir() if path.is_file()}))
    shutil.rmtree(folder)
"""


@pytest.mark.parametrize("how", [{"replaces": "bob.wav"}, {"instead": True}], ids=["broken", "voice"])
@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_a_server_that_is_killed_has_the_old_recording_or_the_new_one(
    tmp_path: Path, suffix: str, how: dict[str, Any]
) -> None:
    said = subprocess.run(
        [sys.executable, "-c", KILLED_AT_EACH_STEP, str(tmp_path / "voices"), suffix, json.dumps(how)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    *killed, done = map(json.loads, said.splitlines())
    profile = {"bob.yaml": "speed: 0.9\n"}
    assert done == {f"bob{suffix}": "new", **profile}
    old, new = {"bob.wav": "old"}, {f"bob{suffix}": "new"}
    # In between, both may be there; each is whole.
    assert len(killed) > 3
    assert [state for state in killed if state not in (old | profile, old | new | profile, new | profile)] == []


@pytest.mark.parametrize(("name", "suffix"), [("bob", ".wav"), ("bob", ".flac"), ("Robert", ".wav")])
async def test_a_recording_takes_the_place_of_a_broken_one(tmp_path: Path, name: str, suffix: str) -> None:
    folder = tmp_path / "voices"
    broken(folder / "bob.wav")
    (folder / "alice.wav").write_bytes(hum())
    async with http(tmp_path) as server:
        assert list(await broken_ones(server)) == ["bob.wav"]
        sound = hum(3.0, suffix[1:].upper())
        status, entry = await send(server, form(sound, name=name, replaces="bob.wav"))
        assert (status, entry["recording"], entry["state"] == "broken") == (201, f"{name}{suffix}", False)
        assert await broken_ones(server) == {}
        assert names(folder) == sorted(["alice.wav", f"{name}{suffix}"])
        assert (folder / f"{name}{suffix}").read_bytes() == sound


async def test_the_profile_of_a_broken_recording_stays(tmp_path: Path) -> None:
    folder = tmp_path / "voices"
    broken(folder / "bob.wav")
    (folder / "bob.yaml").write_text("speed: 0.9\n")
    async with http(tmp_path) as server:
        assert (await send(server, form(hum(3.0), name="bob", replaces="bob.wav")))[0] == 201
        assert (await listed(server))["bob"]["style"] == {"speed": 0.9}
        assert await broken_ones(server) == {}


async def test_a_broken_recording_stays_where_the_new_one_is_none(tmp_path: Path) -> None:
    folder = tmp_path / "voices"
    old = broken(folder / "bob.wav")
    (folder / "alice.wav").write_bytes(hum())
    async with http(tmp_path) as server:
        await refused(server, 422, form(b"no sound at all", name="bob", replaces="bob.wav"))
        error = await refused(server, 409, form(hum(), name="Alice", replaces="bob.wav"))
        assert (error["problem"]["code"], error["param"]) == ("name-taken", "name")
        assert names(folder) == ["alice.wav", "bob.wav"]
        assert (folder / "bob.wav").read_bytes() == old


async def test_only_a_file_that_is_no_voice_is_replaced_so(tmp_path: Path) -> None:
    folder = tmp_path / "voices"
    broken(folder / "bob.wav")
    (folder / "alice.wav").write_bytes(hum())
    (folder / "carol.yaml").write_text("speed: fast\n")
    (folder / "bob.flac").write_bytes(hum(2.0, "FLAC"))
    (tmp_path / "secret.wav").write_bytes(b"secret")
    before = names(folder)
    async with http(tmp_path) as server:
        assert list(await broken_ones(server)) == ["bob.wav", "carol.yaml"]
        for file in ("alice.wav", "carol.yaml", "nobody.wav", "../secret.wav", str(tmp_path / "secret.wav")):
            error = await refused(server, 400, form(hum(), name="dora", replaces=file))
            assert error["param"] == "replaces"
        # Another recording of that name is a voice, and would be lost.
        await refused(server, 409, form(hum(), name="bob", replaces="bob.wav"))
        await refused(server, 400, form(b"", name="dora", replaces="bob.wav"))
        assert names(folder) == before


class LateLibrary(Library):
    """Takes its time with the first recording, once it has been examined."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.examined = asyncio.Event()
        self.goes_on = asyncio.Event()

    async def finish(self, upload: Upload, examine: Callable[[Path], None]) -> None:
        await super().finish(upload, examine)
        if not self.examined.is_set():
            self.examined.set()
            await self.goes_on.wait()


async def test_of_two_that_replace_a_file_the_second_replaces_no_voice(tmp_path: Path) -> None:
    folder = tmp_path / "voices"
    broken(folder / "bob.wav")
    library = LateLibrary(folder)
    async with http(tmp_path, library=library) as server, asyncio.timeout(PATIENCE):
        late = asyncio.create_task(refused(server, 400, form(hum(2.0), name="bob", replaces="bob.wav")))
        await library.examined.wait()
        first = hum(3.0)
        assert (await send(server, form(first, name="bob", replaces="bob.wav")))[0] == 201
        library.goes_on.set()
        assert (await late)["param"] == "replaces"
        assert (folder / "bob.wav").read_bytes() == first
        assert names(folder) == ["bob.wav"]


REPLACED_BY_ANOTHER_USER = """
import os
from pathlib import Path
from wyoming_chatterbox.voices.profile import Profile
from wyoming_chatterbox.voices.voice_files import VoiceFiles

files = VoiceFiles(Path("voices"))
os.setuid(65534)
sound = files.temporary()
try:
    files.add("bob", sound, ".wav", Profile(), replaces="bob.wav")
except FileNotFoundError:
    print(Path("voices/bob.wav").stat().st_size)
sound.write_text("new")
files.add("bob", sound, ".wav", Profile(), replaces="bob.wav")
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root becomes another user")
def test_a_file_that_the_server_may_not_read_is_replaced_too(tmp_path: Path) -> None:
    folder = tmp_path / "voices"
    old = broken(folder / "bob.wav")
    (folder / "bob.wav").chmod(0o600)
    os.chown(folder, 65534, -1)
    tmp_path.chmod(0o711)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    said = subprocess.run(
        [sys.executable, "-c", REPLACED_BY_ANOTHER_USER], check=True, capture_output=True, cwd=tmp_path, env=environment
    ).stdout
    assert int(said) == len(old), "it is back where the new one fails"
    assert (folder / "bob.wav").read_text() == "new"


def broken(path: Path) -> bytes:
    content = b"RIFF, and no more"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return content


async def broken_ones(server: Http) -> dict[str, str]:
    """Reasons by file."""
    _, answer = await server.get(VOICES)
    return {one["file"]: one["reason"] for one in answer["broken"]}
