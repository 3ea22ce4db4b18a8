"""What a registry says no with: the specification's codes (distribution-spec, "Error codes"), and more."""

from __future__ import annotations

from typing import Any

_STATUS = {
    "BLOB_UNKNOWN": (404, "blob unknown to registry"),
    "BLOB_UPLOAD_INVALID": (416, "blob upload invalid"),
    "BLOB_UPLOAD_UNKNOWN": (404, "blob upload unknown to registry"),
    "DENIED": (403, "requested access to the resource is denied"),
    "DIGEST_INVALID": (400, "provided digest did not match uploaded content"),
    "INSUFFICIENT_STORAGE": (507, "the registry's storage is full"),
    "MANIFEST_BLOB_UNKNOWN": (404, "manifest references a manifest or blob unknown to registry"),
    "MANIFEST_INVALID": (400, "manifest invalid"),
    "MANIFEST_UNKNOWN": (404, "manifest unknown"),
    "NAME_INVALID": (400, "invalid repository name"),
    "NAME_UNKNOWN": (404, "repository name not known to registry"),
    "PAGINATION_NUMBER_INVALID": (400, "invalid number of results requested"),
    "SIZE_INVALID": (413, "the body is larger than this registry takes"),
    "TAG_INVALID": (400, "invalid tag"),
    "TOOMANYREQUESTS": (429, "too many requests"),
    "UNAUTHORIZED": (401, "authentication required"),
    "UNAVAILABLE": (503, "the registry can't do that now"),
    "UNSUPPORTED": (405, "the operation is unsupported"),
}


class Refusal(Exception):
    """A request that is refused, with one of the codes above."""

    def __init__(
        self, code: str, message: str = "", detail: Any = None, headers: dict[str, str] | None = None
    ):
        self.code = code
        self.status, usual = _STATUS[code]
        self.message = message or usual
        self.detail = detail
        self.headers = headers or {}
        super().__init__(self.message)

    def body(self) -> dict[str, Any]:
        """The specification's error body."""
        error = {"code": self.code, "message": self.message}
        if self.detail is not None:
            error["detail"] = self.detail
        return {"errors": [error]}
