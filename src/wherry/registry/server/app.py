"""The registry as an aiohttp application: who asks, may they, answer, note it."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from aiohttp import web

from wherry.errors import Unavailable, WherryError
from wherry.registry.server.access import OPEN, Caller, Grant, caller
from wherry.registry.server.audit import Audit, Deed
from wherry.registry.server.content import Content
from wherry.registry.server.failures import Refusal
from wherry.registry.server.identity.accounts import Accounts
from wherry.registry.server.identity.gate import Gate
from wherry.registry.server.identity.issuing import Issuing
from wherry.registry.server.limits import Attempts, Rate
from wherry.registry.server.metrics import Metrics
from wherry.registry.server.quotas import Allowance, Quotas
from wherry.registry.server.routes import Routes
from wherry.registry.server.storage import Driver, Missing

_VERSION_HEADER = {"Docker-Distribution-Api-Version": "registry/2.0"}
_Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Parts(NamedTuple):
    """What a registry is put together from; the defaults are an open one that keeps no notes."""

    gate: Gate
    quotas: Quotas
    rate: Rate
    metrics: Metrics
    audit: Audit


def parts(
    driver: Driver,
    *,
    grants: Sequence[Grant] = OPEN,
    gate: Gate | None = None,
    allowances: Sequence[Allowance] = (),
    rate: Rate | None = None,
    metrics: Metrics | None = None,
    audit: Audit | None = None,
) -> Parts:
    """The parts, each with its default."""
    return Parts(
        gate or Gate(tuple(grants), Accounts(""), None, Attempts(0)),
        Quotas(driver, allowances),
        rate or Rate(0),
        metrics or Metrics(),
        audit or Audit(""),
    )


def application(
    driver: Driver, *, grants: Sequence[Grant] = OPEN, with_parts: Parts | None = None
) -> web.Application:
    """A registry over `driver`. Serve it with `web.AppRunner`."""
    mine = with_parts or parts(driver, grants=grants)
    content = Content(driver)
    front = Front(mine, Routes(content, mine.quotas, mine.gate.allow))
    # bodies are streamed to the storage, so their size is the storage's affair
    app = web.Application(client_max_size=1 << 62)
    app.router.add_route("*", "/v2", front.registry)
    app.router.add_route("*", "/v2/{rest:.*}", front.registry)
    app.add_routes(Health(driver, mine.metrics).table())
    if mine.gate.tokens is not None and mine.gate.tokens.issues:
        for route in Issuing(mine.gate, tuple(grants)).table():
            app.router.add_route(route.method, route.path, front.around("token", route.handler))
    return app


class Front:
    """What stands before every handler: identity, rate, and afterwards counters and the audit log."""

    def __init__(self, mine: Parts, routes: Routes) -> None:
        self._parts = mine
        self._routes = routes

    async def registry(self, request: web.Request) -> web.StreamResponse:
        """Answer a request of the specification."""
        return await self._answer(request, self._dispatched)

    def around(self, kind: str, handler: _Answering) -> _Answering:
        """The same for a handler that finds out by itself who asks."""

        async def answer(request: web.Request) -> web.StreamResponse:
            request["kind"] = kind
            request["deed"] = Deed(kind)
            return await self._answer(request, handler)

        return answer

    async def _dispatched(self, request: web.Request) -> web.StreamResponse:
        asking = await self._parts.gate.caller(request)
        request["caller"] = asking
        self._parts.rate.take(asking.name or request.remote or "")
        return await self._routes.dispatch(request, asking)

    async def _answer(self, request: web.Request, answering: _Answering) -> web.StreamResponse:
        metrics, began = self._parts.metrics, time.perf_counter()
        metrics.add("in_flight")
        status = 499  # the client was gone
        try:
            response = await _refused_or(request, answering)
            status = response.status
            return response
        finally:
            metrics.add("in_flight", -1)
            metrics.observe(request.get("kind", "") or "other", status, time.perf_counter() - began)
            if received := request.get("received", 0):
                metrics.add("received_bytes_total", received)
            if sent := request.get("sent", 0):
                metrics.add("sent_bytes_total", sent)
            metrics.save(every=1)
            self._note(request, status, received or sent)

    def _note(self, request: web.Request, status: int, size: int) -> None:
        deed: Deed | None = request.get("deed")
        audit = self._parts.audit
        if status in (401, 403) and "Authorization" in request.headers:
            if status == 401:
                self._parts.metrics.add("wrong_credentials_total")
            deed = deed or Deed(f"{request.method} {request.path}"[:300])
        if deed is None or (deed.action == "pull" and not audit.pulls and status < 400):
            return
        if status == 404 or (status == 401 and "Authorization" not in request.headers):
            return  # looked, or was only told how to log in
        asking: Caller = request.get("caller") or caller("", ())
        agent = request.headers.get("User-Agent", "")
        audit.write(asking.name, request.remote or "", deed, status, size, agent)


class Health:
    """`/healthz`: this process answers; `/readyz`: its storage does too; `/metrics`."""

    def __init__(self, driver: Driver, metrics: Metrics) -> None:
        self._driver = driver
        self._metrics = metrics

    def table(self) -> list[web.RouteDef]:
        return [
            web.get("/healthz", self.alive),
            web.get("/readyz", self.ready),
            web.get("/metrics", self.numbers),
        ]

    async def alive(self, request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def ready(self, request: web.Request) -> web.Response:
        try:
            await self._driver.about("condemned/-")
        except Missing:
            pass
        except (OSError, WherryError) as error:
            request.app.logger.warning("storage: %s", error)
            return web.Response(status=503, text="the storage does not answer\n")
        return web.Response(text="ok\n")

    async def numbers(self, request: web.Request) -> web.Response:
        return web.Response(body=self._metrics.text().encode(), headers={"Content-Type": _EXPOSITION})


_EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"


async def _refused_or(request: web.Request, handler: _Answering) -> web.StreamResponse:
    """Every refusal in the specification's form; nothing of the inside reaches a client."""
    try:
        return await handler(request)
    except Refusal as refusal:
        return _refused(request, refusal)
    except Unavailable as error:
        request.app.logger.error("%s", error.message)
        return _refused(request, Refusal("UNAVAILABLE", error.message))
    except WherryError as error:
        request.app.logger.error("%s", error.message)
        return _refused(request, Refusal("UNAVAILABLE"))
    except (web.RequestPayloadError, ConnectionError):
        return _refused(request, Refusal("BLOB_UPLOAD_INVALID", "the body broke off"))
    except OSError:
        request.app.logger.exception("storage")
        return _refused(request, Refusal("UNAVAILABLE", "the storage failed"))


def _refused(request: web.Request, refusal: Refusal) -> web.Response:
    response = web.Response(
        body=json.dumps(refusal.body()).encode(),
        content_type="application/json",
        status=refusal.status,
        headers={**_VERSION_HEADER, **refusal.headers},
    )
    if request.can_read_body and not request.content.is_eof():
        response.force_close()  # the rest of a body that nobody wants would be read to its end otherwise
    return response
