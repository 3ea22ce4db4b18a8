"""The pages: `/` repositories, `/repository/NAME` its tags, `/image/NAME?of=REFERENCE` an image.

They show what the caller may pull. `/login` makes a browser ask for a password.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import quote

import msgspec
from aiohttp import web

from wherry.errors import Invalid
from wherry.oci.manifest import Descriptor, Index, Manifest, parse_document
from wherry.registry.server.access import Caller
from wherry.registry.server.content import Content, Tag
from wherry.registry.server.failures import Refusal
from wherry.registry.server.identity.gate import Gate
from wherry.registry.server.names import blob_key, check_name
from wherry.registry.server.notes import Notes
from wherry.registry.server.pages.document import Markup, ago, code, escape, link, page, table
from wherry.registry.server.quantities import shown
from wherry.registry.server.quotas import usage

Page = Callable[[web.Request, Notes], Awaitable[web.StreamResponse]]

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_MOST = 500  # rows of a table
_LARGEST_CONFIG = 1 << 20


class Pages:
    """Reads through `Content`, as `gate` allows."""

    def __init__(self, content: Content, gate: Gate) -> None:
        self._content = content
        self._gate = gate

    def table(self) -> dict[str, Page]:
        """Handlers by path."""
        return {
            "/": self.repositories,
            "/repository/{name:.+}": self.repository,
            "/image/{name:.+}": self.image,
            "/login": self.login,
        }

    async def login(self, request: web.Request, notes: Notes) -> web.StreamResponse:
        asking = await self._caller(request, notes)
        if not asking.name:
            headers = {"WWW-Authenticate": 'Basic realm="wherry registry"'}
            return web.Response(status=401, text="log in to go on\n", headers=headers)
        raise web.HTTPSeeOther("/")

    async def repositories(self, request: web.Request, notes: Notes) -> web.StreamResponse:
        asking = await self._caller(request, notes)
        names = [name for name in await self._content.repositories() if asking.may(name, "pull")]
        rows = []
        for name in names[:_MOST]:
            tags = await self._tags(name)
            latest = max((tag.at for tag in tags.values()), default=0.0)
            size = await usage(self._content.driver, name)
            rows.append((link(f"/repository/{quote(name)}", name), len(tags), shown(size), ago(latest)))
        body = table(("repository", "#tags", "#size", "~pushed"), rows) if rows else _nothing(asking)
        if len(names) > _MOST:
            body += f"<p class='soft'>and {len(names) - _MOST} more</p>"
        return self._answer(asking, "repositories", [], body)

    async def repository(self, request: web.Request, notes: Notes) -> web.StreamResponse:
        asking, name = await self._allowed(request, notes)
        tags = await self._tags(name)
        newest = sorted(tags, key=lambda tag: (-tags[tag].at, tag))
        rows = []
        for tag in newest[:_MOST]:
            size, platforms = await self._summary(name, tags[tag].digest)
            rows.append(
                (
                    link(f"/image/{quote(name)}?of={quote(tag)}", tag),
                    code(tags[tag].digest[:19], tags[tag].digest),
                    shown(size),
                    platforms,
                    ago(tags[tag].at),
                    tags[tag].by,
                )
            )
        if not rows:
            raise Refusal("NAME_UNKNOWN")
        pull = f"<pre>wherry pull {_host(request)}/{_escaped(name)}:{_escaped(newest[0])}</pre>"
        body = pull + table(("tag", "~digest", "#size", "~platforms", "pushed", "by"), rows)
        return self._answer(asking, name, [("/", "repositories")], body)

    async def image(self, request: web.Request, notes: Notes) -> web.StreamResponse:
        asking, name = await self._allowed(request, notes)
        reference = request.query.get("of", "latest")
        stored = await self._content.manifest(name, reference)
        document = parse_document(stored.data, stored.media_type)
        about = f"<p class='soft'>{code(stored.digest)} {_escaped(stored.media_type)}</p>"
        if isinstance(document, Index):
            rows = [await self._part(name, one) for one in document.manifests[:_MOST]]
            body = about + table(("platform", "digest", "#size"), rows)
        else:
            body = about + await self._layers(document)
        trail = [("/", "repositories"), (f"/repository/{quote(name)}", name)]
        return self._answer(asking, reference, trail, body)

    async def _layers(self, document: Manifest) -> str:
        made_by = await self._history(document.config)
        if len(made_by) != len(document.layers):
            made_by = [""] * len(document.layers)
        rows = [
            (number, code(layer.digest[:19], layer.digest), shown(layer.size), code(made) if made else "")
            for number, (layer, made) in enumerate(zip(document.layers, made_by, strict=True), 1)
        ]
        total = shown(sum(layer.size for layer in document.layers))
        return table(("#layer", "~digest", "#size", "made by"), rows) + f"<p>{total} to download</p>"

    async def _history(self, config: Descriptor) -> list[str]:
        """What made each layer, as the image's configuration tells it."""
        if config.size > _LARGEST_CONFIG:
            return []
        try:
            said = msgspec.json.decode(await self._content.driver.read(blob_key(config.digest)))
            steps = [step for step in said.get("history") or [] if not step.get("empty_layer")]
            return [str(step.get("created_by", ""))[:500] for step in steps]
        except Exception:  # anybody may have pushed anything as a configuration
            return []

    async def _part(self, name: str, part: Descriptor) -> tuple[object, ...]:
        size, _ = await self._summary(name, part.digest)
        path = f"/image/{quote(name)}?of={quote(part.digest)}"
        return _platform(part) or "any", link(path, part.digest[:19]), shown(size)

    async def _summary(self, name: str, digest: str, depth: int = 0) -> tuple[int, str]:
        """(bytes to download, platforms) of an image or index."""
        try:
            stored = await self._content.manifest(name, digest)
            document = parse_document(stored.data, stored.media_type)
        except (Refusal, Invalid):
            return 0, "damaged or missing"
        if not isinstance(document, Index):
            return document.config.size + sum(layer.size for layer in document.layers), ""
        if depth > 3:
            return 0, ""
        sizes = [(await self._summary(name, one.digest, depth + 1))[0] for one in document.manifests[:50]]
        return sum(sizes), ", ".join(filter(None, map(_platform, document.manifests[:50])))

    async def _tags(self, name: str) -> dict[str, Tag]:
        tags = {}
        for tag in await self._content.tags(name):
            try:
                tags[tag] = await self._content.tag(name, tag)
            except Refusal:
                continue  # just deleted
        return tags

    async def _caller(self, request: web.Request, notes: Notes) -> Caller:
        notes.caller = await self._gate.caller(request)
        return notes.caller

    async def _allowed(self, request: web.Request, notes: Notes) -> tuple[Caller, str]:
        asking = await self._caller(request, notes)
        name = check_name(request.match_info["name"])
        if not asking.may(name, "pull"):
            raise Refusal("NAME_UNKNOWN")  # not told whether there is one
        return asking, name

    def _answer(
        self, asking: Caller, title: str, trail: list[tuple[str, str]], body: str
    ) -> web.StreamResponse:
        text = page(title, trail, body, asking.name, may_log_in=bool(self._gate.accounts))
        return web.Response(text=text, content_type="text/html", headers=_HEADERS)


def _nothing(asking: Caller) -> str:
    told = "" if asking.name else " that everybody may see"
    return f"<p>No repositories{told} yet. <code>wherry push</code> makes the first.</p>"


def _platform(part: Descriptor) -> str:
    if part.platform is None:
        return ""
    return "/".join(filter(None, (part.platform.os, part.platform.architecture, part.platform.variant)))


def _escaped(text: str) -> Markup:
    return Markup(escape(text))


def _host(request: web.Request) -> str:
    return "".join(letter for letter in request.host if letter.isalnum() or letter in ".:-[]")
