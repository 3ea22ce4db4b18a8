"""`wherry system dial-stdio`: the far end of `-H ssh://`: joins an ssh session to this machine's engine."""

from __future__ import annotations

import os
import select

from wherry.cli.command import Command, Invocation
from wherry.client.demux import write_all
from wherry.errors import Invalid


def run(invocation: Invocation) -> int:
    from wherry.client.address import chosen_address

    address = chosen_address(invocation.host)
    if address.scheme == "ssh":
        raise Invalid(f"{address} is another machine: this is the far end, not a step on the way")
    stream = address.connect()
    fd = stream.fileno()
    poll = select.poll()
    poll.register(0, select.POLLIN)
    poll.register(fd, select.POLLIN)
    while True:
        for ready, _ in poll.poll():
            if ready == 0:
                data = os.read(0, 1 << 16)
                if data:
                    stream.sendall(data)
                else:
                    poll.unregister(0)
                    stream.shutdown(1)
            else:
                data = stream.recv(1 << 16)
                if not data:
                    return 0
                write_all(1, [memoryview(data)])


COMMAND = Command(run)
