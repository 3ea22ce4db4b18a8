"""DNS messages: read without trust, written as resolvers expect."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from wherry.network.keeper import message
from wherry.network.keeper.names import Member, Names


def question(name: str, kind: int = message.A, *, edns: int = 0) -> bytes:
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"
    tail = b"\0" + struct.pack("!HHIH", message.OPT, edns, 0, 0) if edns else b""
    header = struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 1 if edns else 0)
    return header + labels + struct.pack("!HH", kind, 1) + tail


@given(st.binary(max_size=600))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    message.parse(data)


@given(st.integers(0, 80))
def test_a_cut_message_is_no_query(length: int) -> None:
    whole = question("a-name.of.some.length.example", edns=1232)
    query = message.parse(whole[:length])
    assert query is None or length >= len(question("a-name.of.some.length.example"))


def test_names_are_lower_case_and_the_question_returns_as_it_came() -> None:
    data = question("WeB.Front")
    query = message.parse(data)
    assert query is not None
    assert query.name == "web.front"
    assert message.answer(query, [message.address("10.0.0.9")]).endswith(bytes([10, 0, 0, 9]))
    assert data[12:] in message.answer(query, [])


def test_an_answer_that_does_not_fit_is_truncated() -> None:
    query = message.parse(question("many"))
    assert query is not None
    records = [message.address(f"10.0.0.{number}") for number in range(60)]
    short = message.answer(query, records, limit=query.payload)
    assert len(short) <= 512
    assert struct.unpack_from("!H", short, 2)[0] & 0x0200
    assert len(message.answer(query, records)) > 512


def test_an_asker_with_edns_gets_more_and_an_opt_record() -> None:
    query = message.parse(question("many", edns=4096))
    assert query is not None
    assert query.payload == 4096
    reply = message.answer(query, [message.address("10.0.0.1")], limit=query.payload)
    assert struct.unpack_from("!H", reply, 10)[0] == 1


def test_a_reversed_address_is_read_back() -> None:
    assert message.reversed_address("4.3.2.10.in-addr.arpa") == "10.2.3.4"
    nibbles = ".".join(reversed("fd000000000000000000000000000002"))
    assert message.reversed_address(f"{nibbles}.ip6.arpa") == "fd00::2"
    assert message.reversed_address("4.3.2.in-addr.arpa") == ""


def test_names_are_known_only_within_common_networks() -> None:
    names = Names()
    names.join("n1", "front", "a", Member(("10.0.0.2",), ("web", "aaaa")))
    names.join("n1", "front", "b", Member(("10.0.0.3",), ("db",)))
    names.join("n2", "back", "c", Member(("10.1.0.2",), ("db",)))
    assert names.look_up("a", "db") == ["10.0.0.3"]
    assert names.look_up("a", "db.front") == ["10.0.0.3"]
    assert names.look_up("a", "db.back") is None
    assert names.look_up("c", "web") is None
    assert names.who_has("a", "10.0.0.3") == "db.front"
    assert names.who_has("a", "10.1.0.2") == ""
    names.leave("n1", "b")
    assert names.look_up("a", "db") is None


def test_containers_that_share_a_name_take_turns() -> None:
    names = Names()
    for number in (2, 3, 4):
        names.join("n", "front", f"c{number}", Member((f"10.0.0.{number}",), ("web",)))
    seen = [names.look_up("c2", "web") for _ in range(3)]
    assert {tuple(sorted(one or [])) for one in seen} == {("10.0.0.2", "10.0.0.3", "10.0.0.4")}
    assert len({(one or [""])[0] for one in seen}) == 3
