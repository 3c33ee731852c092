"""Making a release: the scripts, and what comes out of them on a machine that has never seen the repository."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

import wyoming_chatterbox
from tests.client import CYCLE, describe, plain
from tests.process import server_process
from tests.releasing import build, copy_tree, tracked

ROOT = Path(__file__).parent.parent
CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A voice.\n\n## [0.9.0] - 2026-01-02\n\n- All.\n"
APP_CHANGELOG = "# Changelog\n\n## Unreleased\n\n- A voice.\n\n## 0.9.0 - 2026-01-02\n\n- All.\n"
FILES = ("wyoming_chatterbox/__init__.py", "addon/config.yaml", "CHANGELOG.md", "addon/CHANGELOG.md")


class Checkout:
    """A repository of its own with the real script, package and manifest, all at version 0.9.0."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        for name in ("script/release", "wyoming_chatterbox/__init__.py", "addon/config.yaml"):
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, directory / name)
        self.replace("wyoming_chatterbox/__init__.py", r'__version__ = "[\d.]+"', '__version__ = "0.9.0"')
        self.replace("addon/config.yaml", r"(?m)^version: \S+$", "version: 0.9.0")
        self.write("CHANGELOG.md", CHANGELOG)
        self.write("addon/CHANGELOG.md", APP_CHANGELOG)
        self.git("init", "--quiet")
        self.commit()

    def git(self, *arguments: str) -> str:
        identity = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.org")
        command = ["git", *identity, *arguments]
        return subprocess.run(command, cwd=self.directory, check=True, capture_output=True, text=True).stdout

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "All")

    def write(self, name: str, text: str) -> None:
        (self.directory / name).write_text(text)

    def read(self, name: str) -> str:
        return (self.directory / name).read_text()

    def replace(self, name: str, pattern: str, replacement: str) -> None:
        text, times = re.subn(pattern, replacement, self.read(name))
        assert times == 1
        self.write(name, text)

    def release(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        self.git("config", "user.name", "Somebody")
        self.git("config", "user.email", "somebody@example.org")
        command = [str(self.directory / "script" / "release"), *arguments]
        return subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def today() -> str:
    """A pattern, as the day may end while a test runs."""
    now = datetime.now(UTC)
    return f"({now:%F}|{now - timedelta(minutes=5):%F})"


@pytest.mark.parametrize("version", ["0.9.1", "0.10.0", "1.0.0", "10.20.30"])
def test_a_release_has_one_version_everywhere(checkout: Checkout, version: str) -> None:
    done = checkout.release(version)
    assert done.returncode == 0, done.stderr
    assert f'__version__ = "{version}"' in checkout.read("wyoming_chatterbox/__init__.py")
    assert re.findall(r"(?m)^version: (.+)$", checkout.read("addon/config.yaml")) == [version]
    assert re.fullmatch(
        re.escape(CHANGELOG).replace(
            r"\#\#\ \[Unreleased\]", rf"\#\#\ \[Unreleased\]\n\n\#\#\ \[{re.escape(version)}\] - {today()}"
        ),
        checkout.read("CHANGELOG.md"),
    )
    assert re.fullmatch(
        re.escape(APP_CHANGELOG).replace("Unreleased", f"{re.escape(version)} - {today()}"),
        checkout.read("addon/CHANGELOG.md"),
    )


def test_a_release_changes_nothing_else_and_says_what_to_do_next(checkout: Checkout) -> None:
    done = checkout.release("1.0.0")
    changed = checkout.git("status", "--porcelain").split()[1::2]
    assert sorted(changed) == sorted(FILES)
    assert "nothing is committed" in done.stdout
    assert f"git commit --message 'Release 1.0.0' {' '.join(FILES)}" in done.stdout
    assert "git tag --annotate --message 'Version 1.0.0' v1.0.0" in done.stdout
    assert checkout.git("tag") == ""


def test_the_first_release_is_of_the_version_that_is_there(checkout: Checkout) -> None:
    checkout.write("CHANGELOG.md", "# Changelog\n\n## [Unreleased]: 0.9.0\n\n- All.\n")
    checkout.write("addon/CHANGELOG.md", "# Changelog\n\n## 0.9.0\n\n- First version.\n")
    checkout.commit()
    done = checkout.release("0.9.0")
    assert done.returncode == 0, done.stderr
    assert re.search(rf"## \[Unreleased\]\n\n## \[0\.9\.0\] - {today()}\n\n- All", checkout.read("CHANGELOG.md"))
    assert re.search(rf"## 0\.9\.0 - {today()}\n", checkout.read("addon/CHANGELOG.md"))


def test_a_long_changelog_is_one_that_says_something(checkout: Checkout) -> None:
    checkout.write("CHANGELOG.md", CHANGELOG.replace("- A voice.\n", "- A voice.\n" * 20_000))
    checkout.commit()
    done = checkout.release("1.0.0")
    assert done.returncode == 0, done.stderr


def test_commit_commits_and_tags(checkout: Checkout) -> None:
    done = checkout.release("1.0.0", "--commit")
    assert done.returncode == 0, done.stderr
    assert checkout.git("status", "--porcelain") == ""
    assert checkout.git("log", "--format=%s", "--max-count=1") == "Release 1.0.0\n"
    assert checkout.git("describe") == "v1.0.0\n"
    assert "git push --follow-tags" in done.stdout


IMAGE = "ghcr.io/somebody/wyoming-chatterbox-app"


def test_from_one_release_on_the_app_is_downloaded(checkout: Checkout) -> None:
    before = checkout.read("addon/config.yaml")
    done = checkout.release("1.0.0", "--image", IMAGE, "--commit")
    assert done.returncode == 0, done.stderr
    # Whoever gets the manifest looks for the image.
    assert done.stdout.index("git push origin v1.0.0") < done.stdout.index("git push, once")
    with_image = before.replace("version: 0.9.0\n", f"version: 1.0.0\nimage: {IMAGE}\n")
    assert checkout.read("addon/config.yaml") == with_image
    for arguments, image in (((), IMAGE), (("--commit", "--image", IMAGE.replace("somebody", "other")), None)):
        checkout.write("CHANGELOG.md", CHANGELOG)
        checkout.write("addon/CHANGELOG.md", APP_CHANGELOG)
        checkout.commit()
        done = checkout.release("1.0.1", *arguments)
        assert done.returncode == 0, done.stderr
        found = re.findall(r"(?m)^image: (.+)$", checkout.read("addon/config.yaml"))
        assert found == [image or "ghcr.io/other/wyoming-chatterbox-app"]


@pytest.mark.parametrize(
    "image", ["", "wyoming-chatterbox-app", "ghcr.io/Somebody/app", f"{IMAGE}:1.0.0", f"https://{IMAGE}", "--commit"]
)
def test_what_is_no_image_is_refused(checkout: Checkout, image: str) -> None:
    done = checkout.release("1.0.0", "--image", image)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "--image must be a name such as ghcr.io/somebody/wyoming-chatterbox-app" in done.stderr
    assert checkout.git("status", "--porcelain") == ""


def test_a_release_is_made_once(checkout: Checkout) -> None:
    checkout.release("1.0.0", "--commit")
    done = checkout.release("1.0.0")
    assert (done.returncode, done.stderr) == (1, "script/release: the tag v1.0.0 is there already\n")
    done = checkout.release("1.0.1")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "says nothing under [Unreleased]" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "three numbers such as 1.2.3, not ''"),
        (("1.0",), "not '1.0'"),
        (("v1.0.0",), "not 'v1.0.0'"),
        (("1.0.0-rc1",), "not '1.0.0-rc1'"),
        (("1.0.01",), "not '1.0.01'"),
        (("1.0.0\n",), "three numbers"),
        (("0.8.9",), "0.8.9 is lower than 0.9.0"),
        (("0.9.0",), "has a section of 0.9.0 already"),
        (("1.0.0", "--push"), "no option --push"),
    ],
)
def test_what_is_no_release_is_refused(checkout: Checkout, arguments: tuple[str, ...], reason: str) -> None:
    done = checkout.release(*arguments)
    assert done.returncode == 1
    assert reason in done.stderr
    assert checkout.git("status", "--porcelain") == ""


@pytest.mark.parametrize("name", ["CHANGELOG.md", "a new file"])
def test_a_tree_with_changes_is_refused(checkout: Checkout, name: str) -> None:
    checkout.write(name, CHANGELOG + "- More.\n")
    done = checkout.release("1.0.0")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "not committed" in done.stderr
    assert "0.9.0" in checkout.read("wyoming_chatterbox/__init__.py")


@pytest.mark.parametrize("name", ["CHANGELOG.md", "addon/CHANGELOG.md"])
def test_a_release_that_says_nothing_new_is_refused(checkout: Checkout, name: str) -> None:
    checkout.write(name, "# Changelog\n\n## 0.9.0\n\n- All.\n")
    checkout.commit()
    done = checkout.release("1.0.0")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert f"script/release: {name} has no section" in done.stderr
    assert checkout.git("status", "--porcelain") == ""


def test_the_changelogs_here_are_as_the_script_takes_them() -> None:
    assert "\n## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text()
    assert re.search(
        r"(?m)^## (Unreleased|\d+\.\d+\.\d+( - \d{4}-\d\d-\d\d)?)$", (ROOT / "addon/CHANGELOG.md").read_text()
    )


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Build a copy of this tree with script/build and this environment's Python."""
    pytest.importorskip("uv", reason="script/setup did not manage to install uv")
    tree = tmp_path_factory.mktemp("checkout")
    copy_tree(tree)
    build(tree)
    yield tree / "dist"
    shutil.rmtree(tree)


def packaged() -> set[str]:
    """The package's files, as git knows them."""
    return set(tracked("wyoming_chatterbox"))


@pytest.mark.slow(10)
def test_the_wheel_and_the_sdist_have_all_of_the_package_and_nothing_strange(dist: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == packaged()
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for member in archive if member.isfile() and (name := member.name)}
    rest = {name for name in names - packaged() if ".egg-info/" not in name}
    assert rest == {
        *("CHANGELOG.md", "LICENSE", "MANIFEST.in", "PKG-INFO", "README.md"),
        *("pyproject.toml", "requirements.txt", "setup.cfg"),
    }


@pytest.fixture
def installed(dist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The Python of a new environment that has the wheel, and sees this environment's packages for all else."""
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.chdir(tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    (wheel,) = dist.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--offline", "--no-deps"]
    subprocess.run([*install, "--python", python, wheel], check=True)
    # Of the packages that are linked in, the .pth files, one of which leads to the repository, are not read.
    (site,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    (site / "requirements.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return python


def output(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.slow(10)
def test_the_installed_wheel_is_what_was_released(dist: Path, installed: Path) -> None:
    where = output(installed, "-c", "import wyoming_chatterbox as package; print(package.__file__)")
    assert Path(where).is_relative_to(installed.parent.parent)
    for command in (["-m", "wyoming_chatterbox"], [installed.with_name("wyoming-chatterbox")]):
        version = output(installed, *command, "--version")
        assert list(dist.glob(f"wyoming_chatterbox-{version.strip()}-*.whl"))


@pytest.mark.slow(10)
async def test_the_installed_wheel_serves_and_has_its_page(installed: Path, tmp_path: Path) -> None:
    async with server_process(tmp_path, python=installed) as server:
        await server.answering()
        assert (await describe(server.uri)).tts[0].version == wyoming_chatterbox.__version__
        assert (await plain(server.uri, "It runs.")).types == CYCLE
        async with aiohttp.ClientSession(server.http) as session:
            for page in ("/", "/page.js", "/page.css", "/icon.svg"):
                async with session.get(page) as response:
                    assert (response.status, page) == (200, page)
