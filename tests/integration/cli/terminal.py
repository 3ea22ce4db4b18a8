"""A person at a terminal: a pseudo-terminal with the command line on its other end."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time

from tests.harness.command import Command


class Terminal:
    """`with Terminal(wherry, "run", "-it", …) as terminal:` types and reads until it closes."""

    def __init__(self, command: Command, *arguments: str, rows: int = 24, columns: int = 80) -> None:
        self._master, slave = pty.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(slave)
        self._slave = slave
        self.process = subprocess.Popen(
            command._argv(arguments),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=command.environment,
            cwd=command.directory,
            preexec_fn=_own_terminal,
        )
        self.text = ""

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def expect(self, text: str, timeout: float = 60) -> str:
        """Read until `text` appears; returns all that was shown up to then, and goes on behind it."""
        deadline = time.monotonic() + timeout
        while text not in self.text:
            if not select.select([self._master], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise AssertionError(f"{text!r} did not appear in {self.text!r}")
            try:
                self.text += os.read(self._master, 65536).decode(errors="replace")
            except OSError:
                raise AssertionError(f"the terminal closed before {text!r}: {self.text!r}") from None
        shown, _, self.text = self.text.partition(text)
        return shown

    def wait(self, timeout: float = 60) -> int:
        return self.process.wait(timeout)

    def modes(self) -> list[int]:
        """Input, output, control and local modes as they are now."""
        return [int(mode) for mode in termios.tcgetattr(self._slave)[:4]]

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *exception: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._master)
        os.close(self._slave)


def _own_terminal() -> None:
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
