"""What a command module declares, and what it gets when it runs."""

from __future__ import annotations

from wherry.cli.flags import UsageError, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wherry.cli.flags import Flag, Flags
    from wherry.client.api import Client


class Command:
    """One command: how it is called, and the function that runs it and returns the exit code.

    `usage` is what follows the name in the usage line; words in capitals in it say what the arguments are,
    for shell completion too. `maximum` None means any number of arguments.
    """

    __slots__ = ("details", "examples", "flags", "interspersed", "maximum", "minimum", "run", "usage")

    def __init__(
        self,
        run: Callable[[Invocation], int],
        *,
        usage: str = "",
        flags: Sequence[Flag] = (),
        minimum: int = 0,
        maximum: int | None = 0,
        interspersed: bool = True,
        details: str = "",
        examples: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.run = run
        self.usage = usage
        self.flags = flags
        self.minimum = minimum
        self.maximum = maximum
        self.interspersed = interspersed
        self.details = details
        self.examples = examples


class Invocation:
    """One run of a command: its name as typed, its flags and arguments, and the engine it speaks to."""

    __slots__ = ("_client", "arguments", "flags", "host", "name")

    def __init__(self, name: str, flags: Flags, arguments: list[str], host: str) -> None:
        self.name = name
        self.flags = flags
        self.arguments = arguments
        self.host = host
        self._client: Client | None = None

    @property
    def client(self) -> Client:
        """The client of the chosen engine, made at the first use; it connects with its first call."""
        if self._client is None:
            from wherry.client.api import Client

            self._client = Client(self.host)
        return self._client


def invoke(command: Command, name: str, words: Sequence[str], host: str) -> int:
    """Parse `words` as the command wants them and run it. Raises UsageError and what the command raises."""
    flags, arguments = parse(command.flags, words, interspersed=command.interspersed)
    count = len(arguments)
    if count < command.minimum or (command.maximum is not None and count > command.maximum):
        error = UsageError(f"'wherry {name}' {_expected(command)}")
        error.exit_code = 1
        raise error
    return command.run(Invocation(name, flags, arguments, host))


def _expected(command: Command) -> str:
    least, most = command.minimum, command.maximum
    if most == 0:
        return "accepts no arguments"
    if least == most:
        return f"requires {least} argument{'s' if least != 1 else ''}"
    if most is None:
        return f"requires at least {least} argument{'s' if least != 1 else ''}"
    if least == 0:
        return f"accepts at most {most} argument{'s' if most != 1 else ''}"
    return f"requires at least {least} and at most {most} arguments"
