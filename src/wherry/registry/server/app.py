"""The registry as an aiohttp application."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from wherry.errors import WherryError
from wherry.registry.server.access import OPEN, Caller, Grant, caller
from wherry.registry.server.content import Content
from wherry.registry.server.failures import Refusal
from wherry.registry.server.routes import Handler, Routes
from wherry.registry.server.storage import Driver

_VERSION_HEADER = {"Docker-Distribution-Api-Version": "registry/2.0"}


def application(driver: Driver, *, grants: Sequence[Grant] = OPEN) -> web.Application:
    """A registry over `driver`. Serve it with `web.AppRunner`."""

    def allow(request: web.Request, repository: str, right: str) -> Caller:
        asking = caller("", grants)
        if right and not asking.may(repository, right):
            raise Refusal("DENIED")
        return asking

    # bodies are streamed to the storage, so their size is the storage's affair
    app = web.Application(middlewares=[_answer_refusals], client_max_size=1 << 62)
    app.add_routes(Routes(Content(driver), allow).table())
    return app


@web.middleware
async def _answer_refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every refusal in the specification's form; nothing of the inside reaches a client."""
    try:
        return await handler(request)
    except Refusal as refusal:
        return _refused(refusal)
    except WherryError as error:
        return _refused(Refusal("UNAVAILABLE", error.message))
    except web.HTTPNotFound:
        return _refused(Refusal("NAME_UNKNOWN", "no such page"))
    except web.HTTPMethodNotAllowed:
        return _refused(Refusal("UNSUPPORTED"))
    except OSError:
        request.app.logger.exception("storage")
        return _refused(Refusal("UNAVAILABLE", "the storage failed"))


def _refused(refusal: Refusal) -> web.Response:
    return web.json_response(
        refusal.body(), status=refusal.status, headers={**_VERSION_HEADER, **refusal.headers}
    )
