"""Whether a registry accepts credentials."""

from __future__ import annotations

from wherry.errors import Invalid, NotFound, Unauthorized
from wherry.registry.client.hosts import Host
from wherry.registry.client.session import Session
from wherry.registry.client.tokens import Credentials


async def login(host: Host, credentials: Credentials) -> str:
    """Have the registry check the credentials; the identity token to keep instead of them, or "".

    A registry that asks for nothing accepts everything. Raises Unauthorized, Unavailable, Invalid for a host
    that is no registry.
    """
    async with Session(host, credentials, lasting=True) as session:
        try:
            async with session.request("GET", "/v2/", scope=""):
                return session.identity_token
        except Unauthorized as error:
            if error.message.startswith("unauthorized: incorrect"):  # the token server's answer
                raise Unauthorized(f'Get "{session.base}/v2/": {error.message}') from error
            raise Unauthorized(
                f"login attempt to {session.base}/v2/ failed with status: 401 Unauthorized",
                hint="is the password right? registries often want an access token instead of it",
            ) from error
        except NotFound as error:
            raise Invalid(
                f"{session.base}/v2/ answered 404: that is no registry", hint="is its name right?"
            ) from error
