"""script/install: a service that starts with the machine, and goes again."""

from __future__ import annotations

import asyncio
import plistlib
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from configparser import RawConfigParser
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.checkout import ROOT, Tree
from tests.client import PATIENCE, describe
from tests.ports import free_port
from wyoming_chatterbox.signals import GRACE_SECONDS

ODD = "100% of $HOME, #1; {so} & (on)"
"""A name with all that systemd and shells read in ways of their own."""

SYSTEMCTL = '#!/usr/bin/env bash\necho "systemctl $*" >>"$LOG"\n'
LOGINCTL = """#!/usr/bin/env bash
echo "loginctl $*" >>"$LOG"
[[ $1 != show-user ]] || echo "${LINGER:-no}"
exit "${DENIED:-0}"
"""
LAUNCHCTL = '#!/usr/bin/env bash\necho "launchctl $*" >>"$LOG"\n'


def checkout(machine: Path, name: str = "a checkout") -> Tree:
    """A checkout whose environment is this one, on a machine with systemd."""
    tree = Tree(machine, name)
    tree.add_program("systemctl", SYSTEMCTL)
    tree.add_program("loginctl", LOGINCTL)
    (tree.directory / "script" / "setup").write_text("#!/usr/bin/env bash\n")
    python = tree.venv / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return checkout(tmp_path)


def install(tree: Tree, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    home = tree.programs.parent / "home"
    home.mkdir(exist_ok=True)
    return tree.run("install", *arguments, HOME=str(home), **environment)


def unit_file(tree: Tree) -> Path:
    return tree.programs.parent / "home" / ".config" / "systemd" / "user" / "wyoming-chatterbox.service"


def unit(tree: Tree) -> RawConfigParser:
    parser = RawConfigParser(strict=True, delimiters=("=",), comment_prefixes=("#",), inline_comment_prefixes=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(unit_file(tree))
    return parser


def command(tree: Tree) -> list[str]:
    """The command as systemd.syntax(7) and systemd.service(5) have it read."""
    text = unit(tree)["Service"]["ExecStart"]
    assert text.startswith(":"), "otherwise $ begins a variable"
    words = re.findall(r'"((?:[^"\\]|\\.)*)"', text)
    assert text[1:] == " ".join(f'"{word}"' for word in words)
    assert all(re.fullmatch(r"(?:[^%]|%%)*", word) for word in words)
    return [re.sub(r"\\(.)", r"\1", word).replace("%%", "%") for word in words]


def test_it_writes_a_service_starts_it_and_says_where_its_log_is(tree: Tree) -> None:
    done = install(tree, "--", "--voice", "alice")
    assert done.returncode == 0, done.stderr
    assert command(tree) == [f"{tree.venv}/bin/python", "-P", "-m", "wyoming_chatterbox", "--voice", "alice"]
    assert unit(tree)["Service"]["WorkingDirectory"] == str(tree.directory)
    assert [call for call in tree.calls() if "show" not in call] == [
        "systemctl --user daemon-reload",
        "systemctl --user enable --quiet wyoming-chatterbox.service",
        "systemctl --user reset-failed wyoming-chatterbox.service",
        "loginctl enable-linger",
        "systemctl --user restart wyoming-chatterbox.service",
    ]
    assert str(unit_file(tree)) in done.stderr
    assert "journalctl --user -u wyoming-chatterbox" in done.stderr


def test_it_restarts_after_a_fault_but_not_with_a_wrong_option_nor_for_ever(tree: Tree) -> None:
    install(tree)
    service, limits = unit(tree)["Service"], unit(tree)["Unit"]
    assert (service["Restart"], service["RestartPreventExitStatus"]) == ("on-failure", "2")
    assert int(limits["StartLimitBurst"]) * int(service["RestartSec"]) < int(limits["StartLimitIntervalSec"])
    assert int(service["TimeoutStopSec"]) > GRACE_SECONDS + 1
    assert service["NoNewPrivileges"] == "yes"


def test_a_server_that_does_not_start_is_no_success(tree: Tree) -> None:
    tree.add_program("systemctl", f"{SYSTEMCTL}[[ $2 != restart ]]\n")
    done = install(tree)
    assert done.returncode == 1
    assert "does not start" in done.stderr
    assert "is running" not in done.stderr
    assert "journalctl --user -u wyoming-chatterbox" in done.stderr
    # systemd tries it again, and once it starts it is to stay.
    assert "loginctl enable-linger" in tree.calls()


def test_installed_again_it_is_the_same_but_for_its_options(tree: Tree) -> None:
    install(tree, "--", "--voice", "alice")
    first = unit_file(tree).read_text()
    done = install(tree, "--", "--voice", "alice", LINGER="yes")
    assert (done.returncode, unit_file(tree).read_text()) == (0, first)
    assert "enable-linger" not in done.stderr
    assert "starts when this machine does" in done.stderr
    install(tree, "--", "--voice", "bob")
    assert command(tree)[-1] == "bob"
    assert [path.name for path in unit_file(tree).parent.iterdir()] == ["wyoming-chatterbox.service"]


def test_removed_it_is_stopped_and_gone_and_all_else_is_left(tree: Tree) -> None:
    install(tree)
    tree.calls()
    done = install(tree, "--remove")
    assert done.returncode == 0, done.stderr
    assert not unit_file(tree).exists()
    assert "systemctl --user disable --now --quiet wyoming-chatterbox.service" in tree.calls()
    assert (tree.venv / "bin" / "python").exists()
    again = install(tree, "--remove")
    assert (again.returncode, again.stderr.count("\n")) == (0, 1)
    assert "no service to remove" in again.stderr


def test_without_the_right_to_linger_it_says_how(tree: Tree) -> None:
    done = install(tree, DENIED="1")
    assert done.returncode == 0, done.stderr
    assert "sudo loginctl enable-linger" in done.stderr
    assert "when this machine does" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--", "--voise", "alice"), "--voise"),
        (("--", "--speed", "11"), "speed"),
        (("--voice", "alice"), "script/install -- --voice alice"),
        (("--remove", "--", "--voice"), "--remove takes nothing more"),
        (("--", "--voice", "a\nb"), "line break"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_done(tree: Tree, arguments: tuple[str, ...], reason: str) -> None:
    done = install(tree, *arguments)
    assert done.returncode in (1, 2)
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
    assert not unit_file(tree).exists()
    assert not any("restart" in call for call in tree.calls())


def test_without_systemd_it_says_so(tree: Tree) -> None:
    (tree.programs / "systemctl").unlink()
    done = install(tree)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "no systemd here" in done.stderr
    tree.add_program("systemctl", "#!/usr/bin/env bash\nexit 1\n")
    done = install(tree)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "no services of user" in done.stderr


@pytest.mark.parametrize("character", ["'", '"', "\\"])
def test_a_path_that_systemd_refuses_is_named(tmp_path: Path, character: str) -> None:
    done = install(checkout(tmp_path, f"it{character}s"))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert f"it{character}s/.venv/bin/python" in done.stderr


def test_any_other_path_and_any_option_reaches_the_server_as_it_is(tmp_path: Path) -> None:
    tree = checkout(tmp_path, ODD)
    (tmp_path / ODD / "voices").mkdir()
    options = ["--voices-dir", f"{tree.directory}/voices", "--log-format", "%(message)s $PATH ${HOME} \\n 'it' \"is\""]
    done = install(tree, "--", *options)
    assert done.returncode == 0, done.stderr
    assert command(tree) == [f"{tree.venv}/bin/python", "-P", "-m", "wyoming_chatterbox", *options]
    assert unit(tree)["Service"]["WorkingDirectory"].replace("%%", "%") == str(tree.directory)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize("name", ["checkout", ODD])
def test_systemd_has_nothing_to_say_of_it(tmp_path: Path, name: str) -> None:
    tree = checkout(tmp_path, name)
    install(tree, "--", "--log-format", "%(message)s", XDG_DATA_HOME=str(tmp_path / "some data 100%"))
    verify = ["systemd-analyze", "verify", "--user", "--man=no", str(unit_file(tree))]
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    done = subprocess.run(
        verify, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(runtime)}
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.slow(5)
async def test_what_it_starts_is_the_server_says_when_it_serves_and_ends_in_time(
    tmp_path: Path, stack: ExitStack
) -> None:
    tree = checkout(tmp_path, ODD)
    uri = f"tcp://127.0.0.1:{free_port()}"
    (tree.directory / ".env").write_text("CHATTERBOX_HTTP=false\nCHATTERBOX_LOCAL_FILES_ONLY=true\n")
    data = {"XDG_DATA_HOME": str(tmp_path / "some data 100%")}
    done = install(tree, "--", "--uri", uri, "--no-zeroconf", **data)
    assert done.returncode == 0, done.stderr
    (variable,) = re.findall(r'"(.*)"', unit(tree)["Service"]["Environment"])
    environment = dict([variable.replace("%%", "%").split("=", 1)])
    assert environment == data
    assert unit(tree)["Service"]["Type"] == "notify"
    notified = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
    # Not in tmp_path, whose name may be longer than a socket's can be.
    notified.bind(f"{stack.enter_context(TemporaryDirectory())}/notify")
    notified.setblocking(False)
    process = await asyncio.create_subprocess_exec(
        *command(tree),
        cwd=unit(tree)["Service"]["WorkingDirectory"].replace("%%", "%"),
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path / "home"),
            "NOTIFY_SOCKET": notified.getsockname(),
            **environment,
        },
        stderr=asyncio.subprocess.DEVNULL,
    )
    async with asyncio.timeout(PATIENCE):
        assert await asyncio.get_running_loop().sock_recv(notified, 100) == b"READY=1"
        await describe(uri)
        process.terminate()
        assert await process.wait() == 0
    assert (tmp_path / "some data 100%" / "wyoming-chatterbox" / "voices").is_dir()


@pytest.fixture
def mac(tree: Tree) -> Tree:
    (tree.programs / "systemctl").unlink()
    tree.add_program("launchctl", LAUNCHCTL)
    return tree


def test_on_a_mac_launchd_starts_it(mac: Tree) -> None:
    options = ["--voice", "<a> & %b \"c\" 'd'"]
    done = install(mac, "--", *options, OSTYPE="darwin24")
    assert done.returncode == 0, done.stderr
    file = mac.programs.parent / "home" / "Library" / "LaunchAgents" / "wyoming-chatterbox.plist"
    agent = plistlib.loads(file.read_bytes())
    assert agent["ProgramArguments"] == [f"{mac.venv}/bin/python", "-P", "-m", "wyoming_chatterbox", *options]
    assert agent["WorkingDirectory"] == str(mac.directory)
    assert (agent["RunAtLoad"], agent["KeepAlive"]) == (True, {"SuccessfulExit": False})
    assert agent["ExitTimeOut"] > GRACE_SECONDS + 1
    assert agent["StandardErrorPath"] in done.stderr
    assert any("bootstrap gui/" in call and str(file) in call for call in mac.calls())
    assert install(mac, "--remove", OSTYPE="darwin24").returncode == 0
    assert not file.exists()
    assert any("bootout gui/" in call for call in mac.calls())
