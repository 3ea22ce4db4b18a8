"""A stand-in for Google Cloud Storage: its XML API, as far as a registry's storage goes.

Written after Google's reference of that API: conditions by generation, lists of the second kind, copies,
objects in parts. Credentials are taken unseen.
"""

from __future__ import annotations

import json
import secrets
import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime
from urllib.parse import unquote
from xml.sax.saxutils import escape

from tests.harness.objects import Asking, Shelf

_NONE = b"<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>"
_STAYS = b"<Error><Code>PreconditionFailed</Code></Error>"


class GoogleStorage(Shelf):
    """Use in a `with` block; every bucket exists."""

    def __init__(self) -> None:
        super().__init__(_Google)

    def __enter__(self) -> GoogleStorage:
        super().__enter__()
        return self

    def storage(self, prefix: str) -> tuple[str, dict[str, str]]:
        """The URL and the options of a registry's storage."""
        account = {"client_email": "", "private_key": "", "private_key_id": "", "disable_oauth": True}
        options = {"base_url": self.endpoint, "service_account_key": json.dumps(account)}
        return f"gs://bucket/{prefix}", options


class _Google(Asking):
    def answer(self) -> None:
        bucket, _, key = self.path_of.strip("/").partition("/")
        key = f"{bucket}/{key}"
        match self.command:
            case "GET" if self.path_of.strip("/") == bucket:
                self._list(bucket)
            case "GET" | "HEAD":
                self.send(key, _NONE)
            case "PUT" if "uploadId" in self.query:
                self.server.parts[self.query["uploadId"]][self.query["partNumber"]] = self.body
                self.reply(200, ETag=f'"{self.query["partNumber"]}"')
            case "PUT":
                self._put(key)
            case "POST" if "uploads" in self.query:
                upload = secrets.token_hex(8)
                self.server.parts[upload] = {}
                said = "<Bucket>bucket</Bucket><Key>x</Key>"
                self._xml("InitiateMultipartUploadResult", f"{said}<UploadId>{upload}</UploadId>")
            case "POST" if "uploadId" in self.query:
                self._put_together(key)
            case "DELETE" if "uploadId" in self.query:
                self.server.parts.pop(self.query["uploadId"], None)
                self.reply(204)
            case "DELETE":
                with self.server.lock:
                    gone = self.server.kept.pop(key, None)
                self.reply(404, _NONE) if gone is None else self.reply(204)
            case _:
                self.reply(405)

    def _put(self, key: str) -> None:
        data = self.body
        if source := self.headers.get("x-goog-copy-source", ""):
            found = self.server.kept.get(_plain(source))
            if found is None:
                return self.reply(404, _NONE)
            data = found.data
        new = self.headers.get("x-goog-if-generation-match", "") == "0"
        kept = self.server.put(key, data, new=new)
        if kept is None:
            return self.reply(412, _STAYS)
        return self.reply(200, ETag=kept.etag, x_goog_generation=str(int(kept.changed * 1e6)))

    def _put_together(self, key: str) -> None:
        parts = self.server.parts.pop(self.query["uploadId"], None)
        if parts is None:
            return self.reply(404, _NONE)
        named = [one.text or "" for one in ElementTree.fromstring(self.body).iter() if _is(one, "PartNumber")]
        kept = self.server.put(key, b"".join(parts[name] for name in named))
        assert kept is not None
        return self._xml("CompleteMultipartUploadResult", f"<ETag>{escape(kept.etag)}</ETag>")

    def _list(self, bucket: str) -> None:
        prefix = f"{bucket}/{self.query.get('prefix', '')}"
        after = self.query.get("continuation-token") or self.query.get("start-after", "")
        most = int(self.query.get("max-keys", "1000"))
        found, last = self.server.page(prefix, f"{bucket}/{after}", most)
        entries = [
            f"<Contents><Key>{escape(key.removeprefix(f'{bucket}/'))}</Key><Size>{len(kept.data)}</Size>"
            f"<LastModified>{datetime.fromtimestamp(kept.changed, UTC):%Y-%m-%dT%H:%M:%S.%fZ}</LastModified>"
            f"<ETag>{escape(kept.etag)}</ETag></Contents>"
            for key, kept in found
        ]
        more = escape(last.removeprefix(f"{bucket}/"))
        following = f"<NextContinuationToken>{more}</NextContinuationToken>" if last else ""
        truncated = f"<IsTruncated>{'true' if last else 'false'}</IsTruncated>"
        self._xml("ListBucketResult", f"<Name>{bucket}</Name>{truncated}{following}{''.join(entries)}")

    def _xml(self, name: str, inner: str) -> None:
        self.reply(200, f"<{name}>{inner}</{name}>".encode(), Content_Type="application/xml")


def _is(element: ElementTree.Element, name: str) -> bool:
    return element.tag.rpartition("}")[2] == name


def _plain(source: str) -> str:
    return unquote(source).strip("/")
