"""The streams of one process, and the clients attached to them."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Callable

from wherry.linux import terminals
from wherry.supervisor import streams
from wherry.supervisor.attachment import Attachment
from wherry.supervisor.input import Input
from wherry.supervisor.logs.format import STDERR, STDOUT
from wherry.supervisor.logs.recorder import Recorder
from wherry.supervisor.loop import Loop
from wherry.supervisor.output import Output
from wherry.supervisor.records import LogPosition

TIOCGPTPEER = 0x5441


class Session:
    """Connects a process's FIFOs or terminal with its log and its clients.

    Made by `over_streams` or `over_terminal`; `flow` begins. Then `drain` and `finish` at the process's end.
    """

    def __init__(
        self,
        loop: Loop,
        *,
        terminal: bool,
        stdin_once: bool,
        recorder: Recorder | None,
        on_detached: Callable[[bool], None],
        on_stdin_closed: Callable[[], None],
        on_outputs_ended: Callable[[], None],
    ) -> None:
        """`recorder` is owned from here on."""
        self._loop = loop
        self._terminal = terminal
        self._stdin_once = stdin_once
        self._recorder = recorder
        self._on_detached = on_detached
        self._on_stdin_closed = on_stdin_closed
        self._on_outputs_ended = on_outputs_ended
        self._outputs: list[Output] = []
        self._input: Input | None = None
        self._attachments: list[Attachment] = []
        self._master: int | None = None
        self._peer: int | None = None
        self._finished = False

    def over_streams(self, ends: streams.Ends) -> None:
        """Serve FIFOs; owns the ends."""
        for number, source in ((STDOUT, ends.stdout), (STDERR, ends.stderr)):
            self._add_output(number, source, None)
        if ends.stdin is not None:
            self._add_input(ends.stdin)

    def over_terminal(self, master: int, relay: int | None) -> None:
        """Serve a terminal; owns both. `relay` (see `streams.create_relay`) is needed for a log."""
        os.set_blocking(master, False)
        self._master = master
        try:
            # With the other end held open the terminal outlives moments when no process has it open.
            self._peer = fcntl.ioctl(master, TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError:
            pass  # Linux before 4.13, or a terminal that is gone
        self._add_output(STDOUT, fcntl.fcntl(master, fcntl.F_DUPFD_CLOEXEC, 3), relay)
        self._add_input(fcntl.fcntl(master, fcntl.F_DUPFD_CLOEXEC, 3))

    @property
    def kept(self) -> list[int]:
        """Descriptors to be kept for a successor, which `adoption` takes in this order; still owned here.

        The terminal and the relay; or the pipes that are logged, since what is in a pipe is lost when both
        the process and its supervisor have closed it, and then standard input, if it outlives its clients.
        """
        if self._master is not None:
            relay = self._outputs[0].relay
            return [self._master] if relay is None else [self._master, relay]
        kept = [] if self._recorder is None else [output.source for output in self._outputs]
        if self._input is not None and not self._input.closed and not self._stdin_once:
            kept.append(self._input.sink)
        return kept

    @property
    def position(self) -> LogPosition:
        return self._recorder.position if self._recorder is not None else LogPosition(0, 0)

    @property
    def recorder(self) -> Recorder | None:
        return self._recorder

    @property
    def outputs_ended(self) -> bool:
        return all(output.ended for output in self._outputs)

    def attach(
        self,
        connection: socket.socket,
        *,
        stdin: bool,
        outputs: tuple[int, ...],
        keys: bytes,
        early: bytes,
        framed: bool | None = None,
    ) -> None:
        """Add a client; owns the connection. `framed`: see `client.Supervisor.exec`."""
        attachment = Attachment(
            self._loop,
            connection,
            self,
            stdin=stdin and self._input is not None,
            outputs=outputs,
            framed=not self._terminal if framed is None else framed,
            keys=keys if self._terminal else b"",
        )
        self._attachments.append(attachment)
        attachment.early(early)
        if self._finished:
            attachment.end()

    def resize(self, rows: int, columns: int) -> bool:
        """Set the terminal's size in characters; False without a terminal."""
        if self._master is None:
            return False
        terminals.set_size(self._master, rows, columns)
        return True

    def flow(self) -> None:
        """Let each stream flow unless a client that wants it is behind. Also called by attachments."""
        for output in self._outputs:
            output.flow(not any(attachment.holds(output.number) for attachment in self._attachments))

    def drain(self) -> None:
        """The process has ended: log and pass on all that it left in its pipes."""
        if self._peer is not None:
            # Without ours, the terminal's end is seen as soon as no child of the process has it open.
            os.close(self._peer)
            self._peer = None
        for output in self._outputs:
            output.drain()

    def finish(self) -> None:
        """Close the streams, and clients once they have been sent everything. May be repeated."""
        if self._finished:
            return
        self._finished = True
        if self._input is not None:
            self._input.close()
        for output in self._outputs:
            output.close()
        for descriptor in (self._master, self._peer):
            if descriptor is not None:
                os.close(descriptor)
        self._master = self._peer = None
        if self._recorder is not None:
            self._recorder.close()
        for attachment in list(self._attachments):
            attachment.end()

    # What an attachment tells its owner.

    def input(self, data: bytes) -> bool:
        return self._input is None or self._input.write(data)

    def input_ended(self) -> None:
        # A terminal has no half-closed state: whoever types may be gone, another may come.
        if self._stdin_once and not self._terminal and self._input is not None:
            self._input.end()

    def detached(self, attachment: Attachment, keys: bool) -> None:
        self._attachments.remove(attachment)
        if not self._finished:
            if attachment.stdin and not keys:
                self.input_ended()
            self.flow()
            self._on_detached(keys)

    def _add_output(self, number: int, source: int, relay: int | None) -> None:
        self._outputs.append(
            Output(
                self._loop,
                number,
                source,
                recorder=self._recorder,
                relay=relay,
                deliver=self._deliver,
                ended=self._output_ended,
            )
        )

    def _add_input(self, sink: int) -> None:
        self._input = Input(self._loop, sink, self._accept_input, self._on_stdin_closed)

    def _deliver(self, number: int, data: bytes) -> None:
        for attachment in tuple(self._attachments):
            attachment.write(number, data)

    def _accept_input(self) -> None:
        for attachment in tuple(self._attachments):
            attachment.accept_input()

    def _output_ended(self) -> None:
        if self.outputs_ended and not self._finished:
            self._on_outputs_ended()
