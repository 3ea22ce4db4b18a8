"""The control protocol's framing, with descriptors, in pieces, malformed."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wherry.supervisor.protocol import MAX_MESSAGE, Message, ProtocolError, Reader, encode, send_ancillary

VALID = [encode({"n": 1}), encode({"n": 2, "op": "list"})]
Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    near, far = socket.socketpair()
    far.setblocking(False)
    yield near, far
    near.close()
    far.close()


def receive_all(reader: Reader, connection: socket.socket) -> list[tuple[Message, list[int]]]:
    received = []
    try:
        while reader.receive(connection):
            while one := reader.next():
                received.append(one)
    except BlockingIOError:
        pass
    return received


def test_descriptors_stay_with_their_message(pair: Pair) -> None:
    near, far = pair
    pipes = [os.pipe() for _ in range(3)]
    for index, (reading, writing) in enumerate(pipes):
        os.write(writing, b"%d" % index)
        near.sendmsg([encode({"plain": index})])
        near.sendmsg([encode({"pipe": index}, 1)], send_ancillary([reading]))
        os.close(reading)
    received = receive_all(Reader(), far)
    assert [message for message, _ in received if "plain" in message] == [{"plain": i} for i in range(3)]
    for message, descriptors in received:
        if "pipe" in message:
            assert os.read(descriptors[0], 9) == b"%d" % message["pipe"]
            assert not os.get_inheritable(descriptors[0])
            os.close(descriptors[0])
        else:
            assert descriptors == []
    for _, writing in pipes:
        os.close(writing)


def test_byte_by_byte(pair: Pair) -> None:
    near, far = pair
    reader = Reader()
    received = []
    for byte in encode({"n": 1, "text": "ü"}) + encode({"n": 2}):
        near.send(bytes([byte]))
        received += receive_all(reader, far)
    assert received == [({"n": 1, "text": "ü"}, []), ({"n": 2}, [])]


@pytest.mark.parametrize(
    "data",
    [
        (MAX_MESSAGE + 1).to_bytes(4, "big"),
        b"\xff\xff\xff\xff",
        b"\0\0\0\x03abc",
        b"\0\0\0\x02[]",
        b"\0\0\0\x00",
        b"\0\0\0\x01\xff",
        b"\0\0\0\x09" + b'{"fds":1}',
        b"\0\0\0\x0a" + b'{"fds":-1}',
        b"\0\0\0\x0b" + b'{"fds":"1"}',
        (200_000).to_bytes(4, "big") + b"[" * 200_000,
    ],
    ids=range(10),
)
def test_malformed_input_is_refused(pair: Pair, data: bytes) -> None:
    near, far = pair
    near.setblocking(False)
    reader = Reader()
    with pytest.raises(ProtocolError):
        while data:
            sent = near.send(data[:60_000])
            data = data[sent:]
            receive_all(reader, far)
    reader.close()


def test_descriptors_that_no_message_claims_are_closed(pair: Pair) -> None:
    near, far = pair
    reader = Reader()
    reading, writing = os.pipe()
    near.sendmsg([json.dumps({}).encode()[:1]], send_ancillary([writing]))
    os.close(writing)
    reader.receive(far)
    reader.close()
    assert os.read(reading, 1) == b""
    os.close(reading)


@given(st.lists(st.one_of(st.binary(max_size=40), st.sampled_from(VALID)), max_size=12))
@settings(max_examples=200, deadline=None)
def test_any_bytes_give_messages_or_one_error(pieces: list[bytes]) -> None:
    near, far = socket.socketpair()
    far.setblocking(False)
    reader = Reader()
    with near, far:
        for piece in pieces:
            near.sendall(piece)
            try:
                receive_all(reader, far)
            except ProtocolError:
                return
    assert reader.next() is None
