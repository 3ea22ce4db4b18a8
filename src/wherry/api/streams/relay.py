"""From an engine's iterator to a client, in order, and nothing left running when the client goes away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from wherry.api import failure
from wherry.api.call import Call
from wherry.api.http import ResponseStream
from wherry.engine.models import encode


async def relay(stream: ResponseStream, pieces: AsyncIterator[bytes]) -> None:
    """Send pieces as they come. An error of the iterator cuts the stream off, so that the client notices."""
    try:
        async for piece in pieces:
            await stream.write(piece)
    finally:
        await _close(pieces)
    await stream.finish()


async def relay_json(stream: ResponseStream, objects: AsyncIterator[Any]) -> None:
    """Send objects as lines of JSON. An error of the iterator cuts the stream off."""
    try:
        async for item in objects:
            await stream.write(encode(item) + b"\n")
    finally:
        await _close(objects)
    await stream.finish()


async def relay_progress(call: Call, objects: AsyncIterator[Any], *, always: bool = False) -> None:
    """Send a progress stream as Docker does.

    An error before the first object is an answer of its own with its status code. A later one, or any with
    `always`, becomes the stream's last line, because the code 200 has been sent by then.
    """
    try:
        begun = []
        if not always:
            try:
                begun.append(await anext(objects))
            except StopAsyncIteration:
                await (await call.stream()).finish()
                return
        stream = await call.stream()
        try:
            for item in begun:
                await stream.write(encode(item) + b"\r\n")
            async for item in objects:
                await stream.write(encode(item) + b"\r\n")
        except ConnectionError:
            raise
        except Exception as error:
            text = failure.text_of(error)
            line: dict[str, Any] = {"errorDetail": {"message": text}, "error": text}
            if hint := getattr(error, "hint", ""):
                line["hint"] = hint  # ours besides; Docker's clients ignore it
            await stream.write(encode(line) + b"\r\n")
        await stream.finish()
    finally:
        await _close(objects)


async def _close(iterator: AsyncIterator[Any]) -> None:
    close = getattr(iterator, "aclose", None)
    if close is not None:
        await close()
