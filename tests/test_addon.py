"""The Home Assistant app: the Supervisor drops what it doesn't know without a word, so a typo has to be found here."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import voluptuous as vol
import yaml
from PIL import Image

import wyoming_chatterbox
from wyoming_chatterbox.engine.families import FAMILIES
from wyoming_chatterbox.options import OPTIONS, Option

ROOT = Path(__file__).parent.parent
ADDON = ROOT / "addon"
SERVICES = ADDON / "rootfs" / "etc" / "s6-overlay" / "s6-rc.d"

REQUIRED = {"name", "version", "slug", "description", "arch"}
# What the Supervisor reads, less what it reads but warns about or has replaced: advanced, codenotary, legacy, watchdog.
ALLOWED = REQUIRED | set(
    re.findall(
        r"\w+",
        """
    apparmor audio auth_api backup backup_exclude backup_post backup_pre boot breaking_versions devices devicetree
    discovery docker_api environment full_access gpio hassio_api hassio_role homeassistant homeassistant_api host_dbus
    host_ipc host_network host_pid host_uts image ingress ingress_entry ingress_port ingress_stream init journald
    kernel_modules machine map options panel_admin panel_icon panel_title ports ports_description privileged realtime
    restore_post restore_pre schema services stage startup stdin timeout tmpfs uart udev ulimits url usb video webui
    """,
    )
)
FOLDERS = {
    "data",
    "ssl",
    "addons",
    "backup",
    "share",
    "media",
    "homeassistant_config",
    "all_addon_configs",
    "addon_config",
}
ELEMENT = re.compile(
    r"(?P<kind>bool|str|int|float|list|port|url|email|password|match|device)(\((?P<argument>.+)\))?(?P<optional>\?)?"
)


def load(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


MANIFEST = load("addon/config.yaml")
TRANSLATIONS = load("addon/translations/en.yaml")


def option(name: str) -> Option:
    return next(found for found in OPTIONS if found.name == name)


def allowed_values(element: str) -> vol.Schema:
    """A part of the manifest's `schema` as the Supervisor understands it."""
    match = ELEMENT.fullmatch(element)
    assert match, f"{element!r} is no type of option"
    kind, argument = match["kind"], match["argument"]
    if kind == "list":
        return vol.Schema(vol.In(argument.split("|")))
    types: dict[str, type] = {"bool": bool, "int": int, "float": float}
    if not argument:
        return vol.Schema(types.get(kind, str))
    low, high = (float(bound) if bound else None for bound in argument.split(","))
    return vol.Schema(vol.All(types[kind], vol.Range(low, high)))


def extremes(element: str) -> list[Any]:
    """Values at the ends of what the Supervisor lets through."""
    match = ELEMENT.fullmatch(element)
    assert match
    if match["kind"] == "list":
        return match["argument"].split("|")
    if match["kind"] == "bool":
        return [True, False]
    return [int(bound) for bound in (match["argument"] or "").split(",") if bound]


def test_the_manifest_has_what_it_needs_and_nothing_unknown() -> None:
    assert set(MANIFEST) >= REQUIRED
    assert set(MANIFEST) <= ALLOWED


def test_the_manifest_s_values_are_ones_that_the_supervisor_takes() -> None:
    assert re.fullmatch(r"[-_.A-Za-z0-9]+", MANIFEST["slug"])
    assert set(MANIFEST["arch"]) <= {"amd64", "aarch64"}
    assert MANIFEST["startup"] in {"initialize", "system", "services", "application", "once"}
    assert MANIFEST["boot"] in {"auto", "manual", "manual_only"}
    assert MANIFEST["init"] is False, "s6-overlay is the init process"
    assert 10 <= MANIFEST["timeout"] <= 300
    assert set(MANIFEST["ports"]) == set(MANIFEST["ports_description"])
    for folder in MANIFEST["map"]:
        assert set(folder) <= {"type", "read_only", "path"}
        assert folder["type"] in FOLDERS
    assert not any("*" in pattern for pattern in MANIFEST["backup_exclude"]), "a folder is left out by its name alone"


def test_the_app_has_the_package_s_version() -> None:
    assert MANIFEST["version"] == wyoming_chatterbox.__version__
    assert f"## {wyoming_chatterbox.__version__}" in (ADDON / "CHANGELOG.md").read_text()


def test_every_option_is_one_of_the_package() -> None:
    assert set(MANIFEST["schema"]) <= {found.name for found in OPTIONS}


def test_every_required_option_has_a_default_and_no_optional_one_has() -> None:
    required = {name for name, element in MANIFEST["schema"].items() if not element.endswith("?")}
    assert set(MANIFEST["options"]) == required


@pytest.mark.parametrize("name", MANIFEST["options"])
def test_a_default_is_the_package_s_own_and_valid(name: str) -> None:
    default = MANIFEST["options"][name]
    assert default == option(name).default
    allowed_values(MANIFEST["schema"][name])(default)


@pytest.mark.parametrize("name", MANIFEST["schema"])
def test_what_the_supervisor_lets_through_the_package_takes(name: str) -> None:
    for value in extremes(MANIFEST["schema"][name]):
        assert option(name).check(value) == value


def test_every_family_can_be_chosen() -> None:
    assert set(extremes(MANIFEST["schema"]["model"])) == {"auto", *FAMILIES}


def test_every_option_and_port_is_explained() -> None:
    assert set(TRANSLATIONS) == {"configuration", "network"}
    assert set(TRANSLATIONS["configuration"]) == set(MANIFEST["schema"])
    assert set(TRANSLATIONS["network"]) == set(MANIFEST["ports"])
    documentation = (ADDON / "DOCS.md").read_text()
    for name, text in TRANSLATIONS["configuration"].items():
        assert set(text) == {"name", "description"}
        assert text["description"].strip()
        assert f"{text['name']} (`{name}`)" in documentation


def test_nothing_else_in_the_repository_looks_like_an_app() -> None:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    named = [name for name in listed if Path(name).name in {"config.yaml", "config.yml", "config.json"}]
    assert named == ["addon/config.yaml"]
    assert not (ADDON / "build.yaml").exists()


def test_the_repository_has_a_name() -> None:
    repository = load("repository.yaml")
    assert repository["name"]
    assert set(repository) <= {"name", "url", "maintainer"}


def test_the_pictures_are_of_the_size_that_home_assistant_shows() -> None:
    for name, size in (("icon.png", (128, 128)), ("logo.png", (250, 100))):
        with Image.open(ADDON / name) as picture:
            assert (picture.format, picture.size) == ("PNG", size)


@pytest.mark.parametrize(
    "script",
    sorted(SERVICES.glob("*/run")) + sorted(SERVICES.glob("*/finish")),
    ids=lambda path: f"{path.parent.name}-{path.name}",
)
def test_a_service_s_script_can_be_run(script: Path) -> None:
    assert os.access(script, os.X_OK)
    assert script.read_text().startswith("#!/command/with-contenv ")
    subprocess.run(["bash", "-n", script], check=True)


def test_the_services_are_started() -> None:
    services = {path.parent.name for path in SERVICES.glob("*/type")}
    assert {path.name for path in (SERVICES / "user" / "contents.d").iterdir()} == services
    assert (SERVICES / "discovery" / "up").read_text().strip() == "/etc/s6-overlay/s6-rc.d/discovery/run"


def test_the_server_gets_signals_and_options_that_it_knows() -> None:
    text = (SERVICES / "chatterbox" / "run").read_text()
    command = text[text.index("\nexec python3 -m wyoming_chatterbox ") :]
    flags = set(re.findall(r"--[a-z-]+", command))
    assert flags <= {"--config", *(found.flag_name for found in OPTIONS)}
    assert "--config /data/options.json" in command
