"""Secrets and configs that are no files of this machine: put into a container before it starts."""

from __future__ import annotations

import io
import tarfile

from wherry.client.api import Client, query
from wherry.compose.body import grant_target
from wherry.compose.model import Project, Service


def put_grants(client: Client, service: Service, project: Project, identity: str) -> None:
    """Write their content where the service wants it. Their owner is root unless `uid` and `gid` say."""
    buffer = io.BytesIO()
    count = 0
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for kind, known, folder in (
            ("secrets", project.secrets, "/run/secrets"),
            ("configs", project.configs, ""),
        ):
            for grant in service.fields.get(kind) or ():
                content = known[grant["source"]].content
                if content is None:
                    continue
                count += 1
                member = tarfile.TarInfo(grant_target(grant, folder).lstrip("/"))
                mode = grant.get("mode", 0o444)
                member.mode = int(mode, 8) if isinstance(mode, str) else int(mode)
                member.uid, member.gid = int(grant.get("uid", 0)), int(grant.get("gid", 0))
                data = content.encode()
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    if count:
        path = f"/containers/{identity}/archive" + query(path="/")
        response = client.upload("PUT", path, [buffer.getvalue()])
        response.read()
        response.close()
