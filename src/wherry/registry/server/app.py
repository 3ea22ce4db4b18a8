"""The registry as an aiohttp application: who asks, may they, answer, note it."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from aiohttp import web

from wherry.errors import Unavailable, WherryError
from wherry.registry.server import settings
from wherry.registry.server.access import OPEN, Grant
from wherry.registry.server.audit import Audit, Deed
from wherry.registry.server.cache import Cache
from wherry.registry.server.content import FRESH, Content
from wherry.registry.server.failures import Refusal
from wherry.registry.server.identity.accounts import Accounts
from wherry.registry.server.identity.gate import Gate
from wherry.registry.server.identity.issuing import Issuing
from wherry.registry.server.limits import Attempts, Rate
from wherry.registry.server.metrics import Metrics
from wherry.registry.server.notes import Notes
from wherry.registry.server.origins import Origins
from wherry.registry.server.pages import Pages
from wherry.registry.server.quotas import Allowance, Quotas
from wherry.registry.server.routes.bodies import STALLED, Stalled
from wherry.registry.server.routes.table import Routes
from wherry.registry.server.serving.patience import Patience
from wherry.registry.server.storage import Driver, Full, Missing

_VERSION_HEADER = {"Docker-Distribution-Api-Version": "registry/2.0"}
_EVERY_ANSWER = {**_VERSION_HEADER, "Server": "wherry", "X-Content-Type-Options": "nosniff"}
_Answering = Callable[[web.Request, Notes], Awaitable[web.StreamResponse]]


class Parts(NamedTuple):
    """What a registry is put together from; the defaults are an open one that keeps no notes."""

    gate: Gate
    quotas: Quotas
    rate: Rate
    metrics: Metrics
    audit: Audit
    origins: Origins
    patience: Patience


def parts(
    driver: Driver,
    *,
    grants: Sequence[Grant] = OPEN,
    gate: Gate | None = None,
    allowances: Sequence[Allowance] = (),
    rate: Rate | None = None,
    metrics: Metrics | None = None,
    audit: Audit | None = None,
    origins: Origins | None = None,
    patience: Patience | None = None,
) -> Parts:
    """The parts, each with its default."""
    metrics = metrics or Metrics()
    return Parts(
        gate or Gate(tuple(grants), Accounts(""), None, Attempts(0)),
        Quotas(driver, allowances),
        rate or Rate(0),
        metrics,
        audit or Audit(""),
        origins or Origins(()),
        patience or Patience(metrics),
    )


def application(
    driver: Driver,
    *,
    grants: Sequence[Grant] = OPEN,
    with_parts: Parts | None = None,
    fresh: float = FRESH,
    caches: Sequence[settings.Cache] = (),
    page: bool = True,
) -> web.Application:
    """A registry over `driver`. Serve it with `web.AppRunner`. `fresh` as in `Content`."""
    mine = with_parts or parts(driver, grants=grants)
    content = Content(driver, fresh=fresh)
    around = [Cache(one, content, mine.metrics) for one in caches]
    front = Front(mine, Routes(content, mine.quotas, mine.gate.allow, around))
    # bodies are streamed to the storage, so their size is the storage's affair
    app = web.Application(client_max_size=1 << 62)
    app[STALLED] = mine.patience.stalled

    async def complete(request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(_EVERY_ANSWER)
        mine.patience.answers(request.protocol)

    app.on_response_prepare.append(complete)

    async def end(_: web.Application) -> None:
        for one in around:
            await one.close()

    app.on_cleanup.append(end)
    app.router.add_route("*", "/v2", front.registry)
    app.router.add_route("*", "/v2/{rest:.*}", front.registry)
    app.add_routes(Health(driver, mine.metrics).table())
    if page:
        for path, handler in Pages(content, mine.gate).table().items():
            app.router.add_get(path, front.around("page", handler))
    if mine.gate.tokens is not None and mine.gate.tokens.issues:
        issuing = Issuing(mine.gate, tuple(grants))
        app.router.add_get("/token", front.around("token", issuing.get), allow_head=False)
        app.router.add_post("/token", front.around("token", issuing.post))
    return app


class Front:
    """What stands before every handler: identity, rate, and afterwards counters and the audit log."""

    def __init__(self, mine: Parts, routes: Routes) -> None:
        self._parts = mine
        self._routes = routes

    async def registry(self, request: web.Request) -> web.StreamResponse:
        """Answer a request of the specification."""
        return await self._answer(request, Notes(), self._dispatched)

    def around(
        self, kind: str, answering: _Answering
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """The same for what finds out by itself who asks."""

        async def answer(request: web.Request) -> web.StreamResponse:
            return await self._answer(request, Notes(kind, Deed(kind)), answering)

        return answer

    async def _dispatched(self, request: web.Request, notes: Notes) -> web.StreamResponse:
        notes.caller = await self._parts.gate.caller(request)
        self._parts.rate.take(notes.caller.name or request.remote or "")
        return await self._routes.dispatch(request, notes)

    async def _answer(self, request: web.Request, notes: Notes, answering: _Answering) -> web.StreamResponse:
        client, request = request.protocol, self._parts.origins.seen(request)
        metrics, began = self._parts.metrics, time.perf_counter()
        metrics.add("in_flight")
        self._parts.patience.asked(client)
        if notes.kind == "page":
            notes.deed = None
        status = 499  # the client was gone
        try:
            response = await _refused_or(request, notes, answering)
            status = response.status
            return response
        finally:
            self._parts.patience.answered(client)
            if notes.stalled:
                self._parts.patience.gave_up(request.remote or "?", "body")
            metrics.add("in_flight", -1)
            metrics.observe(notes.kind or "other", status, time.perf_counter() - began)
            if notes.received:
                metrics.add("received_bytes_total", notes.received)
            if notes.sent:
                metrics.add("sent_bytes_total", notes.sent)
            metrics.save(every=1)
            self._note(request, notes, status)

    def _note(self, request: web.Request, notes: Notes, status: int) -> None:
        audit, deed = self._parts.audit, notes.deed
        if status in (401, 403) and "Authorization" in request.headers:
            if status == 401:
                self._parts.metrics.add("wrong_credentials_total")
            deed = deed or Deed(f"{request.method} {request.path}"[:300])
        if deed is None or (deed.action == "pull" and not audit.pulls and status < 400):
            return
        if status == 404 or (status == 401 and "Authorization" not in request.headers):
            return  # looked, or was only told how to log in
        agent = request.headers.get("User-Agent", "")
        size = notes.received or notes.sent
        audit.write(notes.caller.name, request.remote or "", deed, status, size, agent)


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


_KEPT = ("Location", "Content-Range", "Allow")
_EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"


async def _refused_or(request: web.Request, notes: Notes, handler: _Answering) -> web.StreamResponse:
    """Every refusal in the specification's form; nothing of the inside reaches a client."""
    try:
        return await handler(request, notes)
    except Refusal as refusal:
        return _refused(request, refusal)
    except Full as error:
        request.app.logger.error("%s", error.message)
        return _refused(request, Refusal("INSUFFICIENT_STORAGE", error.message))
    except Unavailable as error:
        request.app.logger.error("%s", error.message)
        return _refused(request, Refusal("UNAVAILABLE", error.message))
    except web.HTTPException as answer:  # where to go, or what ranges there are
        headers = {name: answer.headers[name] for name in _KEPT if name in answer.headers}
        return web.Response(status=answer.status, headers=headers)
    except WherryError as error:
        request.app.logger.error("%s", error.message)
        return _refused(request, Refusal("UNAVAILABLE"))
    except (web.RequestPayloadError, ConnectionError) as error:
        notes.stalled = isinstance(error, Stalled)
        if request.transport is not None and notes.sent:
            request.transport.abort()  # an answer that breaks off must look like one
        return _refused(request, Refusal("BLOB_UPLOAD_INVALID", "the body broke off"))
    except OSError:
        request.app.logger.exception("storage")
        return _refused(request, Refusal("UNAVAILABLE", "the storage failed"))


def _refused(request: web.Request, refusal: Refusal) -> web.Response:
    response = web.Response(
        body=json.dumps(refusal.body()).encode(),
        content_type="application/json",
        status=refusal.status,
        headers=refusal.headers,
    )
    if request.can_read_body and not request.content.is_eof():
        response.force_close()  # the rest of a body that nobody wants would be read to its end otherwise
    return response
