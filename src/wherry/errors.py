"""The errors a user can meet, by kind.

    WherryError
    ├── Invalid         what was asked is malformed or contradicts itself    400
    ├── Unauthorized    credentials are missing or refused                   401
    ├── Forbidden       known, but not allowed                               403
    ├── NotFound        no such container, image, volume, …                  404
    ├── Conflict        it exists, is in use, or is in another state         409
    ├── NotModified     already so                                           304
    ├── Unsupported     this machine or this version can't do it             501
    ├── Unavailable     a peer or a resource is not there now                503
    └── Internal        a fault of ours or of the machine                    500

Messages are lower case without a full stop and name the thing; `hint` says what to do next. Docker's own
phrases are used where clients match on them. The API maps the kind to the status code above, the command
line to one line on standard error. Standard library only: every floor raises these.
"""

from __future__ import annotations


class WherryError(Exception):
    """Base of every error that is shown to a user: a message, and a hint of what to do next."""

    status = 500

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Invalid(WherryError):
    status = 400


class Unauthorized(WherryError):
    status = 401


class Forbidden(WherryError):
    status = 403


class NotFound(WherryError):
    status = 404


class Conflict(WherryError):
    status = 409


class NotModified(WherryError):
    status = 304


class Unsupported(WherryError):
    status = 501


class Unavailable(WherryError):
    status = 503


class Internal(WherryError):
    status = 500
