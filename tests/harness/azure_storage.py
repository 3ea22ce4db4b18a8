"""A stand-in for Azure Blob Storage: its REST API, as far as a registry's storage goes.

Written after Microsoft's reference of that API: block blobs in one piece and by lists of blocks, conditions,
lists with markers, copies, batches of deletions. Signatures are taken unseen.
"""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree as ElementTree
from urllib.parse import unquote, urlsplit
from xml.sax.saxutils import escape

from tests.harness.objects import Asking, Shelf

_ACCOUNT = "account"
_NONE = b"<Error><Code>BlobNotFound</Code></Error>"
_STAYS = b"<Error><Code>BlobAlreadyExists</Code></Error>"


class AzureStorage(Shelf):
    """Use in a `with` block; every container exists."""

    def __init__(self) -> None:
        super().__init__(_Azure)

    def __enter__(self) -> AzureStorage:
        super().__enter__()
        return self

    def storage(self, prefix: str) -> tuple[str, dict[str, str]]:
        """The URL and the options of a registry's storage."""
        options = {
            "account_name": _ACCOUNT,
            "account_key": base64.b64encode(b"key").decode(),
            "endpoint": f"{self.endpoint}/{_ACCOUNT}",
        }
        return f"az://container/{prefix}", options


class _Azure(Asking):
    def answer(self) -> None:
        key = self._key(self.path_of)
        match self.command, self.query.get("comp", ""):
            case "GET", "list":
                self._list(key.rstrip("/"))
            case (("GET" | "HEAD"), ""):
                self.send(key, _NONE)
            case "PUT", "block":
                self.server.parts.setdefault(key, {})[self.query["blockid"]] = self.body
                self.reply(201)
            case "PUT", "blocklist":
                listed = ElementTree.fromstring(self.body)
                blocks = self.server.parts.pop(key, {})
                self._put(key, b"".join(blocks[one.text or ""] for one in listed))
            case "PUT", "" if "x-ms-copy-source" in self.headers:
                source = self._key(unquote(urlsplit(self.headers["x-ms-copy-source"]).path))
                found = self.server.kept.get(source)
                if found is None:
                    self.reply(404, _NONE)
                else:
                    self._put(key, found.data, 202)
            case "PUT", "":
                self._put(key, self.body)
            case "DELETE", "":
                self.reply(202) if self._delete(key) else self.reply(404, _NONE)
            case "POST", "batch":
                self._batch()
            case _:
                self.reply(405)

    def _key(self, path: str) -> str:
        return path.removeprefix(f"/{_ACCOUNT}/")

    def _put(self, key: str, data: bytes, status: int = 201) -> None:
        kept = self.server.put(key, data, new=self.headers.get("If-None-Match") == "*")
        if kept is None:
            return self.reply(409, _STAYS)
        copied = {"x_ms_copy_status": "success"} if status == 202 else {}
        return self.reply(status, b"", ETag=kept.etag, Last_Modified=kept.modified, **copied)

    def _delete(self, key: str) -> bool:
        with self.server.lock:
            return self.server.kept.pop(key, None) is not None

    def _batch(self) -> None:
        boundary = self.headers["Content-Type"].partition("boundary=")[2].strip('"')
        answers = []
        for part in self.body.decode().split(f"--{boundary}"):
            asked = re.search(r"DELETE (\S+) HTTP", part)
            number = re.search(r"Content-ID: *(\d+)", part, re.IGNORECASE)
            if asked is None or number is None:
                continue
            path = unquote(urlsplit(asked[1]).path)
            status = "202 Accepted" if self._delete(self._key(path)) else "404 The specified blob"
            answers.append(
                f"--answers\r\nContent-Type: application/http\r\nContent-ID: {number[1]}\r\n\r\n"
                f"HTTP/1.1 {status}\r\nx-ms-version: 2023-11-03\r\n\r\n"
            )
        data = "".join([*answers, "--answers--\r\n"]).encode()
        self.reply(202, data, Content_Type="multipart/mixed; boundary=answers")

    def _list(self, container: str) -> None:
        prefix = f"{container}/{self.query.get('prefix', '')}"
        marker, most = self.query.get("marker", ""), int(self.query.get("maxresults", "5000"))
        found, last = self.server.page(prefix, f"{container}/{marker}" if marker else "", most)
        entries = [
            f"<Blob><Name>{escape(key.removeprefix(f'{container}/'))}</Name><Properties>"
            f"<Last-Modified>{kept.modified}</Last-Modified><Etag>{escape(kept.etag)}</Etag>"
            f"<Content-Length>{len(kept.data)}</Content-Length><Content-Type>x/x</Content-Type>"
            "<BlobType>BlockBlob</BlobType></Properties></Blob>"
            for key, kept in found
        ]
        following = f"<NextMarker>{escape(last.removeprefix(f'{container}/'))}</NextMarker>"
        said = f"<EnumerationResults><Blobs>{''.join(entries)}</Blobs>{following}</EnumerationResults>"
        self.reply(200, said.encode(), Content_Type="application/xml")
