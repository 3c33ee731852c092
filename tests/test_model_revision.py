"""A model's files are of the commit that this project knows, unless another is asked for or none can be had."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.conftest import Tiny
from tests.downloading import T3, Client, client_fixture, content, hub_fixture, surroundings_fixture  # noqa: F401
from tests.hub import Hub
from wyoming_chatterbox import config
from wyoming_chatterbox.engine.loader import Loader
from wyoming_chatterbox.errors import ConfigError
from wyoming_chatterbox.families import FAMILIES, NANO, TURBO, Family

KNOWN = {
    "english": "5bb1f6ee58e50c3b8d408bc82a6d3740c2db6e18",
    "multilingual": "5bb1f6ee58e50c3b8d408bc82a6d3740c2db6e18",
    "turbo": "749d1c1a46eb10492095d68fbcf55691ccf137cd",
    "nano": "71ccd1d0081b430592cea481f4307e764e07bc64",
}


def move_on(hub: Hub) -> bytes:
    """Commit another T3 to turbo's repository, where `main` is then; returns it."""
    hub.add(TURBO.repository, T3, b"newer")
    return b"newer"


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda family: family.name)
def test_the_known_commit_is_asked_for(hub: Hub, client: Client, family: Family) -> None:
    hub.add_family(family)
    assert client.fetch(family).name == family.revision == KNOWN[family.name]
    assert all(f"/resolve/{family.revision}/" in one.path for one in hub.requests if "/resolve/" in one.path)


def test_what_is_newer_is_not_taken(hub: Hub, client: Client) -> None:
    files = hub.add_family(TURBO)
    move_on(hub)
    assert content(client.fetch()) == files


def test_the_newest_is_taken_where_it_is_asked_for(hub: Hub, client: Client) -> None:
    files = hub.add_family(TURBO)
    newer = move_on(hub)
    found = client.fetch(revision="main")
    assert content(found) == files | {T3: newer}
    assert found.name == hub.commit(TURBO.repository)
    assert content(client.fetch()) == files
    assert content(client.fetch(revision="main")) == files | {T3: newer}


def test_a_commit_may_be_asked_for_by_its_id(hub: Hub, client: Client) -> None:
    files = hub.add_family(TURBO)
    newer = move_on(hub)
    assert content(client.fetch(revision=hub.commit(TURBO.repository))) == files | {T3: newer}


def test_what_was_downloaded_as_the_newest_needs_no_network_later(hub: Hub, client: Client) -> None:
    hub.add_family(TURBO)
    found = client.fetch(revision="main")
    move_on(hub)
    hub.stop()
    assert client.fetch(revision="main") == found
    assert client.fetch(revision="main", local_files_only=True) == found


# A cache of another revision


def test_of_an_earlier_download_of_main_only_what_differs_is_downloaded(hub: Hub, client: Client) -> None:
    files = hub.add_family(TURBO)
    move_on(hub)
    client.fetch(revision="main")
    hub.requests.clear()
    assert content(client.fetch()) == files
    assert [name for name in files if hub.asked(name)] == [T3]


@pytest.mark.parametrize("downloads", [True, False])
def test_an_earlier_download_of_main_serves_where_the_known_commit_can_t_be_had(
    hub: Hub, client: Client, downloads: bool, caplog: pytest.LogCaptureFixture
) -> None:
    hub.add_family(TURBO)
    move_on(hub)
    newest = client.fetch(revision="main")
    if downloads:
        hub.stop()
    with caplog.at_level(logging.WARNING):
        assert client.fetch(local_files_only=not downloads) == newest
    [line] = [record.getMessage() for record in caplog.records if record.name.startswith("wyoming_chatterbox")]
    for told in ("refuses the connection" if downloads else "Downloads are off", newest.name, TURBO.revision):
        assert told in line


def test_a_revision_that_is_asked_for_has_no_substitute(hub: Hub, client: Client) -> None:
    hub.add_family(TURBO)
    client.fetch()
    assert "at revision main" in str(client.refused(revision="main", local_files_only=True))
    hub.stop()
    assert "refuses the connection" in str(client.refused(revision="main"))


def test_files_that_were_put_there_by_hand_are_of_any_revision(hub: Hub, client: Client) -> None:
    plain = client.directory / "chatterbox-turbo"
    plain.mkdir(parents=True)
    for name in (*TURBO.t3, *TURBO.required):
        (plain / name).write_bytes(b"x")
    assert client.fetch(revision="v2") == plain
    assert not hub.requests


# A hub without it


@pytest.mark.parametrize("revision", [None, "v2"])
def test_a_mirror_without_the_commit_is_told_with_the_option_that_helps(
    hub: Hub, client: Client, revision: str | None
) -> None:
    hub.add(TURBO.repository, T3, b"all that the mirror has")
    error = client.refused(revision=revision)
    assert f"it has no revision {revision or TURBO.revision}" in str(error)
    assert error.hint.startswith("Choose another with --model-revision")


def test_a_mirror_that_only_says_404_too(hub: Hub, client: Client) -> None:
    hub.add_family(TURBO)
    hub.answer("vocab.json", 404)
    error = client.refused()
    assert "vocab.json" in str(error)
    assert "--model-revision" in error.hint


# The option


@pytest.mark.parametrize("name", ["main", "v1.0", "refs/pr/7", KNOWN["nano"]])
def test_the_option_takes_names_of_commits_branches_and_tags(tmp_path: Path, name: str) -> None:
    assert config.load(["--model-revision", name], {}, tmp_path).model_revision == name
    assert config.load([], {"CHATTERBOX_MODEL_REVISION": name}, tmp_path).model_revision == name
    assert config.load([], {}, tmp_path).model_revision is None


@pytest.mark.parametrize("name", ["../x", "a/../b", "/etc", "a b", "", "-x", "a//b", "a\\b", "ä"])
def test_the_option_takes_nothing_that_leads_elsewhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="--model-revision"):
        config.load([f"--model-revision={name}"], {}, tmp_path)


@pytest.mark.slow(4)
def test_the_server_loads_the_revision_that_it_is_told_to(hub: Hub, tiny: Tiny, tmp_path: Path) -> None:
    hub.add_family(NANO)
    for path in tiny("nano").iterdir():
        hub.add(NANO.repository, path.name, path.read_bytes())
    flags = ("--data-dir", str(tmp_path), "--model", "nano", "--device", "cpu", "--model-revision", "main")
    engine = Loader(config.load(flags, {}, tmp_path))(lambda _: None, lambda: False)
    assert engine.describe().name == "nano"
    assert [path.name for path in tmp_path.glob("models/*/snapshots/*")] == [hub.commit(NANO.repository)]
