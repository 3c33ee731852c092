"""The Home Assistant app: the Supervisor drops what it doesn't know without a word, so a typo has to be found here."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

import wyoming_chatterbox
from tests.write_docs import app_choices
from wyoming_chatterbox.options import OPTIONS

ROOT = Path(__file__).parent.parent
ADDON = ROOT / "addon"
SERVICES = ADDON / "rootfs" / "etc" / "s6-overlay" / "s6-rc.d"

REQUIRED = {"name", "version", "slug", "description", "arch"}
ALLOWED = REQUIRED | set(
    re.findall(
        r"\w+",
        """
    apparmor audio auth_api backup backup_exclude backup_post backup_pre boot breaking_versions devices devicetree
    discovery docker_api environment full_access gpio hassio_api hassio_role homeassistant homeassistant_api host_dbus
    host_ipc host_network host_pid host_uts image ingress ingress_entry ingress_port ingress_stream init journald
    kernel_modules machine map options panel_admin panel_icon panel_title ports ports_description privileged realtime
    schema services stage startup stdin timeout tmpfs uart udev ulimits url usb video webui
    """,
    )
)
"""Keys that the Supervisor reads, less the deprecated ones."""
DEPRECATED = {"advanced", "auto_uart", "codenotary", "legacy", "snapshot", "snapshot_exclude", "watchdog"}
"""Keys that it still reads, but warns about or has replaced: `watchdog` by the image's HEALTHCHECK."""
FOLDERS = {
    *("data", "ssl", "local_apps", "backup", "share", "media", "homeassistant_config", "all_app_configs", "app_config"),
}
"""Folders that can be mapped, less the names that apps had as add-ons."""
GRAMMAR = re.compile(
    r"(bool|email|url|port|device(\(subsystem=[a-z]+\))?|(str|password)(\(\d*,\d*\))?|int(\(-?\d*,-?\d*\))?"
    r"|float(\((-?\d*\.?\d+)?,(-?\d*\.?\d+)?\))?|match\(.*\)|list\(.+\))\??"
)
"""The Supervisor's types of options."""

LANGUAGES = ["de", "en", "es", "fr"]


def load(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


MANIFEST = load("addon/config.yaml")
SCHEMA: dict[str, str] = MANIFEST["schema"]
TRANSLATIONS = {language: load(f"addon/translations/{language}.yaml") for language in LANGUAGES}
PACKAGE = {option.name: option for option in OPTIONS}


def test_the_manifest_has_what_it_needs_and_nothing_unknown() -> None:
    assert set(MANIFEST) >= REQUIRED
    assert set(MANIFEST) <= ALLOWED


def test_the_manifest_has_nothing_deprecated() -> None:
    assert not ALLOWED & DEPRECATED
    assert not set(MANIFEST) & DEPRECATED
    assert set(MANIFEST["arch"]) <= {"amd64", "aarch64"}, "the 32-bit ones are gone"
    for folder in MANIFEST["map"]:
        assert set(folder) <= {"type", "read_only", "path"}
        assert folder["type"] in FOLDERS
    assert not list(ADDON.glob("build.*")), "what it said stands in the Dockerfile"


def test_the_manifest_s_values_are_ones_that_the_supervisor_takes() -> None:
    assert re.fullmatch(r"[-_.A-Za-z0-9]+", MANIFEST["slug"])
    assert MANIFEST["startup"] in {"initialize", "system", "services", "application", "once"}
    assert MANIFEST["boot"] in {"auto", "manual", "manual_only"}
    assert MANIFEST["init"] is False, "s6-overlay is the init process"
    assert MANIFEST["discovery"] == ["wyoming"]
    assert MANIFEST["ingress"] is True
    assert "webui" not in MANIFEST, "it and ingress exclude each other"
    assert 10 <= MANIFEST["timeout"] <= 300
    assert not any("*" in pattern for pattern in MANIFEST["backup_exclude"]), "a folder is left out by its name alone"


def test_the_app_has_the_package_s_version() -> None:
    assert MANIFEST["version"] == wyoming_chatterbox.__version__
    heading = rf"^## {re.escape(wyoming_chatterbox.__version__)}( - .+)?$"
    assert re.search(heading, (ADDON / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_every_option_of_the_package_is_one_of_the_app_or_has_a_reason_not_to_be() -> None:
    assert set(SCHEMA) == {name for name, option in PACKAGE.items() if option.app is None}


@pytest.mark.parametrize("name", SCHEMA)
def test_the_schema_is_in_the_supervisor_s_grammar(name: str) -> None:
    assert GRAMMAR.fullmatch(SCHEMA[name])


@pytest.mark.parametrize("name", SCHEMA)
def test_what_the_supervisor_lets_through_the_package_takes(name: str) -> None:
    option = PACKAGE[name]
    numbers = option.numbers
    extremes: list[Any] = app_choices(option) or ([numbers.low, numbers.high] if numbers else [])
    if option.repeatable:
        assert option.check(option.example) == tuple((option.example or "").split(","))
        return
    for value in extremes or ([True, False] if isinstance(option.default, bool) else ["alice"]):
        assert option.check(value) == value


def test_every_required_option_has_a_default_and_no_optional_one_has() -> None:
    assert set(MANIFEST["options"]) == {name for name, kind in SCHEMA.items() if not kind.endswith("?")}


@pytest.mark.parametrize("name", MANIFEST["options"])
def test_a_default_is_the_package_s_own_and_valid(name: str) -> None:
    default = MANIFEST["options"][name]
    assert default is not None
    assert default == PACKAGE[name].default == PACKAGE[name].check(default)


def test_no_language_is_left_out() -> None:
    assert sorted(path.stem for path in (ADDON / "translations").iterdir()) == LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_option_and_port_is_explained_in_every_language(language: str) -> None:
    translation = TRANSLATIONS[language]
    assert set(translation) == {"configuration", "network"}
    assert set(translation["configuration"]) == set(SCHEMA)
    assert set(translation["network"]) == set(MANIFEST["ports"])
    names = [text["name"] for text in translation["configuration"].values()]
    assert len(set(names)) == len(names)
    for text in translation["configuration"].values():
        assert set(text) == {"name", "description"}
        assert text["name"] == text["name"].strip()
        assert text["description"].endswith(".")


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
@pytest.mark.parametrize("name", SCHEMA)
def test_a_translation_speaks_of_the_same_values(name: str, language: str) -> None:
    english, other = (TRANSLATIONS[key]["configuration"][name]["description"] for key in ("en", language))
    assert other != english
    quoted = r'["„«]\W?(\w+)\W?["“»]'
    assert sorted(re.findall(quoted, other)) == sorted(re.findall(quoted, english))
    assert numbers_in(other) == numbers_in(english)


def numbers_in(text: str) -> list[str]:
    joined = re.sub(r"(\d)[.,\u00a0](\d)", r"\1\2", text)
    return sorted(re.findall(r"(?<!\w)\d+", joined))


UNSET = {name: option.unset for name, option in PACKAGE.items() if option.unset}
"""The package's words for options that have no default of their own."""


@pytest.mark.parametrize("name", [name for name in SCHEMA if name in UNSET])
def test_what_holds_without_a_value_is_told(name: str) -> None:
    row = re.search(rf"^.*\(`{name}`\).*$", (ADDON / "DOCS.md").read_text(), re.MULTILINE)
    assert row
    for text in (TRANSLATIONS["en"]["configuration"][name]["description"], row[0]):
        assert numbers_in(text.partition("Without a value:")[2]) == numbers_in(UNSET[name])


def test_nothing_else_in_the_repository_looks_like_an_app() -> None:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    named = [name for name in listed if Path(name).name in {"config.yaml", "config.yml", "config.json"}]
    assert named == ["addon/config.yaml"]


def test_the_repository_has_a_name() -> None:
    repository = load("repository.yaml")
    assert repository["name"]
    assert set(repository) <= {"name", "url", "maintainer"}


@pytest.mark.parametrize(("name", "size"), [("icon.png", (128, 128)), ("logo.png", (250, 100))])
def test_a_picture_is_of_the_size_that_home_assistant_shows(name: str, size: tuple[int, int]) -> None:
    with Image.open(ADDON / name) as picture:
        assert (picture.format, picture.size) == ("PNG", size)


def test_the_confinement_is_of_this_app() -> None:
    profiles = re.findall(r"^profile (\S+)", (ADDON / "apparmor.txt").read_text(), re.MULTILINE)
    assert profiles == [MANIFEST["slug"]], "the Supervisor takes one, and puts the repository's name before it"


@pytest.mark.parametrize(
    "script",
    sorted(SERVICES.glob("*/run")) + sorted(SERVICES.glob("*/finish")),
    ids=lambda path: f"{path.parent.name}-{path.name}",
)
def test_a_service_s_script_can_be_run_and_ends_as_another_program(script: Path) -> None:
    assert os.access(script, os.X_OK)
    text = script.read_text()
    assert text.startswith("#!/command/with-contenv bash\n")
    assert text.replace("\\\n", "").splitlines()[-1].startswith("exec "), "signals reach what it becomes"
    subprocess.run(["bash", "-n", script], check=True)


def test_the_services_are_started() -> None:
    services = {path.parent.name for path in SERVICES.glob("*/type")}
    assert {path.name for path in (SERVICES / "user" / "contents.d").iterdir()} == services
    for service in services:
        assert (SERVICES / service / "type").read_text() == "longrun\n"
        needed = {path.name for path in (SERVICES / service / "dependencies.d").iterdir()}
        assert needed
        assert needed <= services | {"base"}


def test_everybody_means_the_same_ports() -> None:
    (port,) = MANIFEST["ports"]
    number = port.removesuffix("/tcp")
    server = (SERVICES / "chatterbox" / "run").read_text()
    assert f"--uri tcp://0.0.0.0:{number} " in server
    assert "--no-zeroconf " in server, "Home Assistant is told by the Supervisor"
    assert f"--http-port {MANIFEST['ingress_port']} " in server
    assert f'"tcp://127.0.0.1:{number}"]' in (ADDON / "Dockerfile").read_text()
    assert set(re.findall(r":(\d+)", (SERVICES / "discovery" / "run").read_text())) == {number}


def test_the_image_is_checked_by_a_describe() -> None:
    dockerfile = (ADDON / "Dockerfile").read_text()
    assert "FROM ghcr.io/home-assistant/base-debian:" in dockerfile
    assert re.search(r'HEALTHCHECK .*\\\n +CMD \["python3", "-m", "wyoming_chatterbox.health_check", ', dockerfile)
