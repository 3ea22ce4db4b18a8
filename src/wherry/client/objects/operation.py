"""Methods of the Python API: defined once as steps, called by blocking objects and by awaited ones.

`@operation` on a generator makes a method that returns its result, or something to await for it; `@reading`
the same as a property; `@streaming` an iterator, or an asynchronous one. Which of both is decided by the
class that an object has: one that is `Blocking` or one that is `Awaiting`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from wherry.client.objects.steps import Close, Feed, Receive, Steps

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from wherry.client.objects.awaiting import AsyncDriver
    from wherry.client.objects.blocking import Driver

P = ParamSpec("P")
R = TypeVar("R")
M = TypeVar("M", bound=AbstractAsyncContextManager[Any])


class Pending(Generic[R]):
    """The result of an operation, to be awaited once.

    What is a context manager may also be entered at once: `async with engine.run(…) as container`.
    """

    def __init__(self, start: Callable[[], Coroutine[Any, Any, R]]) -> None:
        self._start = start
        self._entered: Any = None

    def __await__(self) -> Generator[Any, Any, R]:
        return self._start().__await__()

    def __bool__(self) -> bool:
        raise TypeError("this has to be awaited first")

    async def __aenter__(self: Pending[M]) -> M:
        self._entered = await self
        await self._entered.__aenter__()
        return self._entered  # type: ignore[no-any-return]

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._entered.__aexit__(kind, value, trace)


class Core:
    """What belongs to an engine. `_leave` is what the end of a `with` block does."""

    def _leave(self) -> Steps[None]:
        return
        yield


class Blocking(Core):
    """Objects whose operations block."""

    _driver: Driver

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._driver.drive(self._leave())


class Awaiting(Core):
    """Objects whose operations are awaited."""

    _driver: AsyncDriver

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._driver.drive(self._leave())


class operation(Generic[P, R]):  # noqa: N801 — it is a decorator
    """A method; `steps` is its definition."""

    def __init__(self, steps: Callable[Concatenate[Any, P], Steps[R]]) -> None:
        self.steps = steps
        self.__doc__ = steps.__doc__
        self.__name__ = getattr(steps, "__name__", "")
        self.__wrapped__ = steps

    @overload
    def __get__(self, instance: None, owner: type[Core]) -> Self: ...
    @overload
    def __get__(self, instance: Blocking, owner: type[Core]) -> Callable[P, R]: ...
    @overload
    def __get__(self, instance: Awaiting, owner: type[Core]) -> Callable[P, Pending[R]]: ...
    def __get__(self, instance: Core | None, owner: type[Core]) -> Any:
        if instance is None:
            return self

        def blocking(*values: P.args, **named: P.kwargs) -> R:
            assert isinstance(instance, Blocking)
            return instance._driver.drive(self.steps(instance, *values, **named))

        def awaiting(*values: P.args, **named: P.kwargs) -> Pending[R]:
            assert isinstance(instance, Awaiting)
            return Pending(lambda: instance._driver.drive(self.steps(instance, *values, **named)))

        method = blocking if isinstance(instance, Blocking) else awaiting
        method.__doc__, method.__name__ = self.__doc__, self.__name__
        return method


class reading(Generic[R]):  # noqa: N801 — it is a decorator
    """A property."""

    def __init__(self, steps: Callable[[Any], Steps[R]]) -> None:
        self.steps = steps
        self.__doc__ = steps.__doc__
        self.__wrapped__ = steps

    @overload
    def __get__(self, instance: None, owner: type[Core]) -> Self: ...
    @overload
    def __get__(self, instance: Blocking, owner: type[Core]) -> R: ...
    @overload
    def __get__(self, instance: Awaiting, owner: type[Core]) -> Pending[R]: ...
    def __get__(self, instance: Core | None, owner: type[Core]) -> Any:
        if isinstance(instance, Blocking):
            return instance._driver.drive(self.steps(instance))
        if isinstance(instance, Awaiting):
            return Pending(lambda: instance._driver.drive(self.steps(instance)))
        return self


class streaming(Generic[R]):  # noqa: N801 — it is a decorator
    """A method that gives values as they come. `R` is what one of them is."""

    def __init__(self, item: type[R]) -> None:
        self._item = item

    def __call__(self, steps: Callable[Concatenate[Any, P], Steps[Feed]]) -> Stream[P, R]:
        return Stream(steps)


class Stream(Generic[P, R]):
    """What `@streaming` makes."""

    def __init__(self, steps: Callable[Concatenate[Any, P], Steps[Feed]]) -> None:
        self.steps = steps
        self.__doc__ = steps.__doc__
        self.__wrapped__ = steps

    @overload
    def __get__(self, instance: None, owner: type[Core]) -> Self: ...
    @overload
    def __get__(self, instance: Blocking, owner: type[Core]) -> Callable[P, Iterator[R]]: ...
    @overload
    def __get__(self, instance: Awaiting, owner: type[Core]) -> Callable[P, AsyncIterator[R]]: ...
    def __get__(self, instance: Core | None, owner: type[Core]) -> Any:
        if instance is None:
            return self

        def blocking(*values: P.args, **named: P.kwargs) -> Iterator[R]:
            assert isinstance(instance, Blocking)
            drive = instance._driver.drive
            feed = drive(self.steps(instance, *values, **named))
            try:
                while piece := drive(_one(Receive(feed.channel))):
                    yield from feed.decoder.feed(piece)
                yield from feed.decoder.end()
            finally:
                drive(_one(Close(feed.channel)))

        async def awaiting(*values: P.args, **named: P.kwargs) -> AsyncIterator[R]:
            assert isinstance(instance, Awaiting)
            drive = instance._driver.drive
            feed = await drive(self.steps(instance, *values, **named))
            try:
                while piece := await drive(_one(Receive(feed.channel))):
                    for value in feed.decoder.feed(piece):
                        yield value
                for value in feed.decoder.end():
                    yield value
            finally:
                await drive(_one(Close(feed.channel)))

        method = blocking if isinstance(instance, Blocking) else awaiting
        method.__doc__ = self.__doc__
        return method


def _one(step: Receive | Close) -> Steps[Any]:
    return (yield step)
