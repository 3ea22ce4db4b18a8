"""Choosing subnets and addresses."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherry.errors import Conflict, Invalid, Unavailable
from wherry.network import addresses
from wherry.network.model import Subnet

SMALL = Subnet("10.1.2.0/29", "10.1.2.1")


def test_the_default_pools_avoid_what_is_taken() -> None:
    taken = [ipaddress.ip_network("172.17.0.0/16"), ipaddress.ip_network("172.18.4.0/24")]
    assert addresses.free_subnet(taken) == Subnet("172.19.0.0/16", "172.19.0.1")


def test_full_pools_say_what_to_do() -> None:
    taken = [ipaddress.ip_network("172.16.0.0/12"), ipaddress.ip_network("192.168.0.0/16")]
    with pytest.raises(Unavailable, match="fully subnetted") as raised:
        addresses.free_subnet(taken)
    assert "network prune" in raised.value.hint


@given(st.sets(st.integers(2, 6)))
def test_no_address_is_chosen_twice_and_all_are_found(taken: set[int]) -> None:
    used = {f"10.1.2.{number}" for number in taken}
    free = {f"10.1.2.{number}" for number in range(2, 7)} - used
    last = ""
    while free:
        last = addresses.choose(SMALL, wanted="", last=last, taken=used.__contains__)
        assert last in free
        free.discard(last)
        used.add(last)
    with pytest.raises(Unavailable):
        addresses.choose(SMALL, wanted="", last=last, taken=used.__contains__)


def test_an_address_that_was_just_freed_is_the_last_to_come_again() -> None:
    first = addresses.choose(SMALL, wanted="", last="", taken=lambda _: False)
    assert addresses.choose(SMALL, wanted="", last=first, taken=lambda _: False) != first


@pytest.mark.parametrize("wanted", ["10.1.2.0", "10.1.2.1", "10.1.2.7"])
def test_network_gateway_and_broadcast_are_not_to_be_had(wanted: str) -> None:
    with pytest.raises(Conflict, match="Address already in use"):
        addresses.choose(SMALL, wanted=wanted, last="", taken=lambda _: False)


def test_a_wanted_address_must_lie_in_the_subnet() -> None:
    with pytest.raises(Invalid, match=r"no configured subnet contains IP address 10\.9\.9\.9"):
        addresses.choose(SMALL, wanted="10.9.9.9", last="", taken=lambda _: False)


def test_the_ip_range_bounds_allocation_but_not_wishes() -> None:
    subnet = Subnet("10.1.0.0/16", "10.1.0.1", "10.1.5.0/24")
    assert addresses.choose(subnet, wanted="", last="", taken=lambda _: False) == "10.1.5.0"
    assert addresses.choose(subnet, wanted="10.1.9.9", last="", taken=lambda _: False) == "10.1.9.9"


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        (Subnet("10.1.2.3/24"), r"it should be 10\.1\.2\.0/24"),
        (Subnet("nonsense"), "invalid subnet"),
        (Subnet("10.1.2.0/24", gateway="10.2.0.1"), "no matching subnet for gateway"),
        (Subnet("10.1.2.0/24", ip_range="10.2.0.0/25"), "no matching subnet for ip-range"),
    ],
)
def test_what_a_user_gives_is_checked(given_: Subnet, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        addresses.complete(given_)
