"""A network with nothing outside, in which whatever a command asks of the outside is seen.

    done, seen = run(["curl", "http://example.com"])
    assert seen.names == ["example.com"]

The command runs in network and mount namespaces of its own. There, every address of the internet is the machine's own:
a connection is refused at once instead of lost. Every look-up of a name is answered here: names under `.test` are
127.0.0.1, and no other exists.
"""

from __future__ import annotations

import ctypes
import ipaddress
import json
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

_NAMESPACES = ("unshare", "--user", "--map-root-user", "--net", "--mount")
_SET_UP = """
mount --make-rprivate /
ip link set lo up
ip route add local default dev lo
ip -6 route add local ::/0 dev lo 2>/dev/null || true
"""
_FILES = {
    "/etc/resolv.conf": "nameserver 127.0.0.1\n",
    "/etc/nsswitch.conf": "hosts: files dns\n",
    "/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
}

_LAST = ("192.0.2.254", 9)
"""An address that nothing else asks for: it is for documentation."""

_A = 1
_NXDOMAIN = 3
_ETH_P_ALL = 3
_SO_ATTACH_FILTER = 26
_NOT_LOOPBACK = [
    (0x30, 0, 0, 0),  # the first byte of the packet
    (0x54, 0, 0, 0xF0),  # its upper half
    (0x15, 0, 2, 0x40),  # is it 4, as in IPv4?
    (0x30, 0, 0, 16),  # the first byte of the destination
    (0x15, 1, 0, 127),  # is it 127?
    (0x06, 0, 0, 256),  # take 256 bytes
    (0x06, 0, 0, 0),  # take nothing
]
"""A packet filter's program: operation, steps to skip if it is so, if it is not so, operand."""


@dataclass
class Seen:
    """The names asked for, in order."""

    names: list[str] = field(default_factory=list)
    """The name of each look-up."""
    packets: list[str] = field(default_factory=list)
    """`PROTOCOL ADDRESS PORT` of each packet to an address that isn't the loopback interface's."""


def refusal() -> str | None:
    """Tell why there can be no such network here; None where there can."""
    try:
        done = subprocess.run([*_NAMESPACES, "sh", "-ec", _SET_UP], capture_output=True, text=True, timeout=60)
    except OSError as err:
        return f"no namespaces: {err}"
    return None if done.returncode == 0 else f"no namespaces: {done.stderr.strip()}"


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> tuple[str, Seen]:
    """Run a command there, which must succeed; what it wrote to its standard output, and what was seen."""
    whole = [*_NAMESPACES, sys.executable, "-m", __name__, *command]
    done = subprocess.run(whole, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    said, _, seen = done.stdout.rstrip("\n").rpartition("\n")
    return said, Seen(**json.loads(seen))


def _inside(command: Sequence[str]) -> int:
    subprocess.run(["sh", "-ec", _SET_UP], check=True)
    with tempfile.TemporaryDirectory() as directory:
        for path, content in _FILES.items():
            own = Path(directory) / Path(path).name
            own.write_text(content, encoding="ascii")
            if Path(path).exists():
                subprocess.run(["mount", "--bind", str(own), path], check=True)
    seen = Seen()
    for watch, source in ((_answer, _resolver()), (_listen, _listener())):
        threading.Thread(target=watch, args=(source, seen), daemon=True).start()
    done = subprocess.run(command, check=False)
    _see_all(seen)
    print(json.dumps(asdict(seen)), flush=True)  # noqa: T201
    return done.returncode


def _see_all(seen: Seen) -> None:
    """Wait until every packet so far is among those seen: they come in their order, so one more tells it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"", _LAST)
    last = f"{socket.IPPROTO_UDP} {_LAST[0]} {_LAST[1]}"
    deadline = time.monotonic() + 120
    while last not in seen.packets:
        if time.monotonic() > deadline:
            raise TimeoutError("The packets that were sent are not seen")
        time.sleep(0.001)
    # It may be answered, as nobody listens there; what comes after it is no more of the command's.
    del seen.packets[seen.packets.index(last) :]


def _resolver() -> socket.socket:
    resolver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    resolver.bind(("127.0.0.1", 53))
    return resolver


def _answer(resolver: socket.socket, seen: Seen) -> None:
    while True:
        query, client = resolver.recvfrom(4096)
        labels, at = [], 12
        while size := query[at]:
            labels.append(query[at + 1 : at + 1 + size].decode("ascii", "replace"))
            at += 1 + size
        seen.names.append(".".join(labels))
        question, known = query[12 : at + 5], labels[-1:] == ["test"]
        record = b""
        if known and question[-4:-2] == struct.pack("!H", _A):
            record = struct.pack("!HHHIH4s", 0xC00C, _A, 1, 0, 4, socket.inet_aton("127.0.0.1"))
        flags = 0x8180 | (0 if known else _NXDOMAIN)
        head = query[:2] + struct.pack("!HHHHH", flags, 1, bool(record), 0, 0)
        resolver.sendto(head + question + record, client)


def _listener() -> socket.socket:
    """A socket that gets packets from their IP header on, without those between loopback's IPv4 addresses."""
    listener = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_ALL))
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in _NOT_LOOPBACK))
    listener.setsockopt(
        socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", len(_NOT_LOOPBACK), ctypes.addressof(program))
    )
    return listener


def _listen(listener: socket.socket, seen: Seen) -> None:
    while True:
        packet = listener.recv(256)
        if packet[0] >> 4 == 4:
            destination, protocol, size = packet[16:20], packet[9], (packet[0] & 15) * 4
        else:
            destination, protocol, size = packet[24:40], packet[6], 40
        address = ipaddress.ip_address(destination)
        if not address.is_loopback:
            seen.packets.append(f"{protocol} {address} {int.from_bytes(packet[size + 2 : size + 4])}")


if __name__ == "__main__":
    sys.exit(_inside(sys.argv[1:]))
