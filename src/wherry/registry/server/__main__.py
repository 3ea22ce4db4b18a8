"""`python -m wherry.registry.server VERB SETTINGS`: what `wherry registry VERB` runs.

SETTINGS is JSON: `config`, the path of a TOML file, `flags`, laid over it, and what the verb wants besides.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from wherry.errors import WherryError
from wherry.registry.server.settings import Settings, read


def main(arguments: list[str]) -> int:
    """Run one verb; its exit code. Errors are printed as the command line prints them."""
    verb, told = arguments[0], json.loads(arguments[1])
    try:
        if verb == "passwd":
            return _passwd(told)
        settings = read(told.get("config", ""), told.get("flags", {}))
        return _run(verb, settings, told)
    except WherryError as error:
        if os.environ.get("WHERRY_DEBUG"):
            raise
        sys.stderr.write(f"wherry: {error.message}\n")
        if error.hint:
            sys.stderr.write(f"hint: {error.hint}\n")
        return 1
    except KeyboardInterrupt:
        return 130


def _run(verb: str, settings: Settings, told: dict[str, Any]) -> int:
    if verb == "serve":
        from wherry.registry.server.serving.serve import serve

        return serve(settings)
    from wherry.registry.server.assembly import driver
    from wherry.registry.server.upkeep import verbs

    storage = driver(settings)
    if verb == "check":
        return verbs.run_check(storage)
    run = {"gc": verbs.run_gc, "retain": verbs.run_retain}[verb]
    return run(settings, storage, dry_run=told["dry_run"])


def _passwd(told: dict[str, Any]) -> int:
    import getpass

    from wherry.registry.server.identity.accounts import set_password

    if told["stdin"] or not sys.stdin.isatty():
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = getpass.getpass(f"Password of {told['name']}: ")
    set_password(told["path"], told["name"], password)
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # Not by the interpreter's own end: threads of the object storage's client may abort one that is ending.
    os._exit(status)
