"""The control protocol's operations: each takes a request and answers it, now or later."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from wherry.errors import Conflict, Invalid, Unavailable, WherryError
from wherry.supervisor import adoption
from wherry.supervisor.answer import Answer
from wherry.supervisor.creation import Creator, attach_to
from wherry.supervisor.launchers import Launcher
from wherry.supervisor.logs.options import from_wire
from wherry.supervisor.loop import report
from wherry.supervisor.protocol import VERSION, Message
from wherry.supervisor.table import Table, remove_directory

Operation = Callable[[Message, Answer, list[int]], None]


class Operations:
    """What the engine can ask for. Descriptors that came with a request are owned here."""

    def __init__(self, table: Table, launcher: Launcher, orphans: list[Message]) -> None:
        """`orphans` are the records of processes to be adopted, see `adoption.records`."""
        self._table = table
        self._creator = Creator(table, launcher)
        self._orphans = {(record["container"], record["exec"]): record for record in orphans}
        self._cleared = False
        self._by_name: dict[str, Operation] = {
            "hello": self._hello,
            "create": lambda message, answer, _: self._creator.create(message, answer),
            "start": lambda message, answer, _: self._creator.start(message, answer),
            "exec": self._exec,
            "kill": self._kill,
            "attach": self._attach,
            "resize": self._resize,
            "log": self._log,
            "adopt": self._adopt,
            "list": self._list,
            "forget": self._forget,
            "shutdown": self._shutdown,
        }

    def carry_out(self, message: Message, answer: Answer, descriptors: list[int]) -> None:
        """Do what a request says. Never raises: whatever goes wrong becomes the answer."""
        try:
            operation = self._by_name.get(str(message.get("op")))
            if operation is None:
                raise Invalid(f"unknown operation {str(message.get('op'))[:100]!r}")
            operation(message, answer, descriptors)
        except WherryError as error:
            answer.error(error)
        except (KeyError, TypeError, AttributeError) as error:
            report(error)
            answer.error(Invalid(f"malformed request: {type(error).__name__}: {error}"))
        except Exception as error:
            report(error)
            answer.error(error)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _hello(self, message: Message, answer: Answer, descriptors: list[int]) -> None:
        if message["version"] != VERSION:
            raise Unavailable(
                f"the running supervisor speaks protocol version {VERSION}, not {message['version']}",
                hint="stop all containers and restart the engine",
            )
        answer.ok({"version": VERSION, "pid": os.getpid()})

    def _exec(self, message: Message, answer: Answer, descriptors: list[int]) -> None:
        connection = _connection(descriptors)
        try:
            self._creator.exec(message, answer, connection)
        except BaseException:
            if connection is not None:
                connection.close()
            raise

    def _kill(self, message: Message, answer: Answer, descriptors: list[int]) -> None:
        process = self._table.get(message["id"], message["exec"])
        process.signal(int(message["signal"]), everyone=bool(message["all"]))
        answer.ok()

    def _attach(self, message: Message, answer: Answer, descriptors: list[int]) -> None:
        process = self._table.get(message["id"], message["exec"])
        if process.session is None or process.status in ("creating", "exited"):
            raise Conflict(f"container {process.container} is {process.status}")
        position = list(process.session.position)
        connection = _connection(descriptors)
        if connection is not None:
            attach_to(process, connection, message)
            answer.ok({"position": position})
            return
        ours, theirs = socket.socketpair()
        with theirs:
            attach_to(process, ours, message)
            answer.ok({"position": position}, [theirs.fileno()])

    def _resize(self, message: Message, answer: Answer, descriptors: list[int]) -> None:
        process = self._table.get(message["id"], message["exec"])
        rows, columns = int(message["rows"]), int(message["columns"])
        if not (0 <= rows <= 0xFFFF and 0 <= columns <= 0xFFFF):
            raise Invalid(f"invalid terminal size {columns}x{rows}")
        if process.session is None or not process.session.resize(rows, columns):
            raise Conflict(f"container {process.container} has no terminal")
        answer.ok()

    def _log(self, message: Message, answer: Answer, descriptors: list[int]) -> None:
        process = self._table.get(message["id"])
        config = from_wire(message["log"])
        process.settings["log"] = list(config)
        if process.session is not None and process.session.recorder is not None:
            process.session.recorder.configure(config)
        if process.status != "exited":
            process.save(process.status)
        answer.ok()

    def _adopt(self, message: Message, answer: Answer, descriptors: list[int]) -> None:
        """Take over what the engine keeps descriptors for; with the last such message, all the rest."""
        adopted: list[str] = []
        for container, exec_id, count in message["keep"]:
            if not isinstance(count, int) or not 0 <= count <= len(descriptors):
                raise Invalid("a kept descriptor is missing")
            kept, descriptors[:count] = descriptors[:count], []
            record = self._orphans.pop((container, exec_id), None)
            if record is None:
                for descriptor in kept:
                    os.close(descriptor)
            else:
                adopted += self._take_over(record, kept)
        if message["last"]:
            adopted += self.adopt_all()
        answer.ok({"adopted": adopted})

    def adopt_all(self) -> list[str]:
        """Take over every orphan that is left, without the engine's help."""
        adopted: list[str] = []
        while self._orphans:
            adopted += self._take_over(self._orphans.pop(next(iter(self._orphans))), [])
        if not self._cleared:
            self._cleared = True
            self._table.clear()
        return adopted

    def _take_over(self, record: Message, kept: list[int]) -> list[str]:
        try:
            adoption.adopt(self._table, record, kept)
        except Exception as error:
            report(error)
            return []
        return [record["exec"] or record["container"]]

    def _list(self, message: Message, answer: Answer, descriptors: list[int]) -> None:
        answer.ok({"processes": [process.state() for process in self._table.all()]})

    def _forget(self, message: Message, answer: Answer, descriptors: list[int]) -> None:
        container: str = message["id"]

        def let_go() -> None:
            processes = self._table.of(container)
            for process in processes:
                self._table.remove(process)
            if not processes:
                remove_directory(self._table.layout(container).directory)
            answer.ok()

        for process in self._table.of(container):
            if process.exec_id or process.status not in ("creating", "running"):
                continue
            if not message.get("force"):
                raise Conflict(f"container {container} is {process.status}")
            if process.status == "running":
                process.kill(let_go)
                return
        let_go()

    def _shutdown(self, message: Message, answer: Answer, descriptors: list[int]) -> None:
        alive = self._table.alive()
        if alive or self._orphans:
            count = len(alive) + len(self._orphans)
            raise Conflict(
                f"the supervisor holds {count} running processes", hint="stop the containers first"
            )
        answer.ok()
        self._table.end()


def _connection(descriptors: list[int]) -> socket.socket | None:
    """The socket that came with a request, if any. Raises Invalid when it is something else."""
    if not descriptors:
        return None
    try:
        connection = socket.socket(fileno=descriptors[0])
    except OSError:
        raise Invalid("the connection handed in is not a socket") from None
    del descriptors[0]
    return connection
