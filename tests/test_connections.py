"""Whose connection goes when another comes: the idlest of the address that has most, never one in use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import examples
from wyoming_chatterbox.errors import ForbiddenError, OverloadedError
from wyoming_chatterbox.network.connections import Connection, Connections


def peer(number: int) -> tuple[str, int]:
    return (f"192.0.2.{number}", 5000)


class Port:
    """A port and what became of its connections."""

    def __init__(self, limit: int) -> None:
        self.connections = Connections(limit)
        self.open: list[tuple[int, Connection]] = []
        """Address and connection; the one whose latest request is oldest comes first."""
        self.in_use: dict[Connection, ExitStack] = {}
        self.gone: list[Connection] = []

    def admit(self, address: int) -> Connection:
        connection = self.connections.admit(peer(address))
        connection.when_dismissed(lambda: self.gone.append(connection))
        self.open = [entry for entry in self.open if entry[1] not in self.gone]
        self.open.append((address, connection))
        return connection

    def used(self, connection: Connection) -> None:
        entry = next(entry for entry in self.open if entry[1] is connection)
        self.open.remove(entry)
        self.open.append(entry)

    def touch(self, connection: Connection) -> None:
        connection.touch()
        self.used(connection)

    def begin(self, connection: Connection) -> None:
        if connection not in self.in_use:
            stack = self.in_use[connection] = ExitStack()
            stack.enter_context(connection.busy())
            self.used(connection)

    def end(self, connection: Connection) -> None:
        if connection in self.in_use:
            self.in_use.pop(connection).close()
            self.used(connection)

    def leave(self, connection: Connection) -> None:
        self.end(connection)
        self.connections.release(connection)
        self.open = [entry for entry in self.open if entry[1] is not connection]


def expected(port: Port, address: int) -> Connection | None:
    """Choose who makes room for a newcomer, told plainly; `OverloadedError` if nobody does."""
    limit, share = port.connections.limit, port.connections.share
    held = Counter(owner for owner, _ in port.open)
    held[address] += 1
    if held[address] <= share and len(port.open) < limit:
        return None
    own_only = held[address] > share
    for owner, _ in sorted(held.items(), key=lambda item: -item[1]):
        rivals = [other for other in held if held[other] == held[owner] and held[other] >= held[address]]
        for candidate, connection in port.open:
            if candidate in ([address] if own_only else rivals) and connection not in port.in_use:
                return connection
    raise OverloadedError("nobody")


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["admit", "admit", "admit", "touch", "begin", "begin", "end", "leave"]),
        st.integers(0, 30),
    ),
    min_size=40,
    max_size=120,
)


@pytest.mark.slow(1)
@examples(2)
@given(limit=st.integers(1, 12), steps=STEPS, addresses=st.integers(1, 8))
def test_the_idlest_of_the_greediest_address_makes_room(
    limit: int, steps: list[tuple[str, int]], addresses: int
) -> None:
    port = Port(limit)
    acts: dict[str, Callable[[Connection], None]] = {
        "touch": port.touch,
        "begin": port.begin,
        "end": port.end,
        "leave": port.leave,
    }
    for what, number in steps:
        if what == "admit":
            before = len(port.gone)
            try:
                leaving = expected(port, number % addresses)
            except OverloadedError:
                with pytest.raises(OverloadedError, match="--max-connections"):
                    port.admit(number % addresses)
            else:
                port.admit(number % addresses)
                assert port.gone[before:] == ([] if leaving is None else [leaving])
        elif port.open:
            acts[what](port.open[number % len(port.open)][1])
        held = Counter(owner for owner, _ in port.open)
        assert len(port.connections) == len(port.open) <= limit
        assert max(held.values(), default=0) <= port.connections.share
        assert not set(port.gone) & set(port.in_use), "one in use is never dismissed"


@given(limit=st.integers(1, 100), greedy=st.integers(0, 300))
def test_silent_connections_lock_out_neither_their_own_address_nor_another(limit: int, greedy: int) -> None:
    port = Port(limit)
    for _ in range(greedy):
        port.admit(1)
    for address in (1, 2):
        assert port.admit(address) not in port.gone


@given(limit=st.integers(8, 100))
def test_one_address_in_full_use_leaves_places_for_others(limit: int) -> None:
    port = Port(limit)
    with pytest.raises(OverloadedError, match=r"--max-connections"):
        while True:
            port.begin(port.admit(1))
    assert 0 < len(port.open) < limit
    for address in range(2, 2 + limit - len(port.open)):
        port.begin(port.admit(address))
    assert len(port.open) == limit
    assert port.gone == []
    assert port.connections.snapshot() == {
        "open": limit, "limit": limit, "accepted": limit, "refused": 1, "dismissed": 0, "forbidden": 0,
    }  # fmt: skip


def test_a_flood_of_one_address_leaves_the_connections_of_others_alone() -> None:
    port = Port(16)
    others = [port.admit(address) for address in (2, 3, 2, 4)]
    for _ in range(100):
        port.admit(1)
    assert not set(others) & set(port.gone)


def test_an_address_that_has_few_displaces_none_that_has_fewer() -> None:
    port = Port(2)
    port.begin(port.admit(1))
    port.admit(2)
    with pytest.raises(OverloadedError):
        port.admit(1)
    assert port.gone == []


def test_clients_of_a_unix_socket_have_all_the_places() -> None:
    connections = Connections(16)
    with ExitStack() as stack:
        for _ in range(16):
            stack.enter_context(connections.admit("").busy())
        with pytest.raises(OverloadedError):
            connections.admit("")


def test_an_ipv6_network_is_one_client_and_so_is_a_mapped_ipv4_address() -> None:
    connections = Connections(64)
    one, other, far, mapped, same = (
        connections.admit((host, 1, 0, 0))
        for host in ("2001:db8::1", "2001:db8::2:3", "2001:db8:0:1::1", "::ffff:192.0.2.1", "192.0.2.1")
    )
    assert one.client == other.client != far.client
    assert mapped.client == same.client
    assert connections.admit(("fe80::1%eth0", 1, 0, 2)).client == "fe80::/64"


def test_dismissed_before_anybody_knew_how_to_close_it() -> None:
    connections = Connections(1)
    first = connections.admit(peer(1))
    connections.admit(peer(1))
    closed = []
    first.when_dismissed(lambda: closed.append(True))
    assert closed == [True]
    connections.release(first)
    assert len(connections) == 1, "its place was another's already"


@pytest.mark.parametrize("host", ["192.168.1.7", "10.9.8.7", "127.0.0.1", "127.3.2.1", "::1", "::ffff:192.168.1.9"])
def test_networks_of_the_list_and_this_machine_come_in(host: str) -> None:
    Connections(4, ["192.168.1.0/24", "10.0.0.0/8"]).admit((host, 1))


@pytest.mark.parametrize("host", ["192.168.2.7", "11.9.8.7", "2001:db8::1", "0.0.0.0"])
def test_others_do_not(host: str) -> None:
    connections = Connections(4, ["192.168.1.0/24", "10.0.0.0/8"])
    with pytest.raises(ForbiddenError, match=f"{host} .*--allow"):
        connections.admit((host, 1))
    assert (len(connections), connections.counters.forbidden) == (0, 1)


def test_a_unix_socket_has_no_network() -> None:
    Connections(4, ["192.168.1.0/24"]).admit("")


def test_without_a_list_everybody_comes_in() -> None:
    Connections(4).admit(("203.0.113.9", 1))
