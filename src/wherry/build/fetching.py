"""Files from git repositories. Blocking: called in threads, which end when nobody waits for them any more."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import urllib.parse
from typing import NamedTuple

from wherry.errors import Invalid, Unavailable, Unsupported
from wherry.store.apart import stopped_by

__all__ = ["GitRef", "clone", "is_git", "is_url", "parse_git"]

_SAFE_REF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./@+-]*")


class GitRef(NamedTuple):
    """`ref` is a branch, tag or commit, empty for the default branch; `subdir` relative, may be empty;
    `commit` the beginning of the commit that it must be."""

    url: str
    ref: str
    subdir: str
    commit: str = ""
    submodules: bool = True
    keep_history: bool = False


def is_url(text: str) -> bool:
    """Whether a source is to be downloaded."""
    return text.startswith(("http://", "https://"))


def is_git(text: str) -> bool:
    """Whether a source or context is a git repository."""
    if text.startswith(("git://", "git@", "ssh://")):
        return True
    return is_url(text) and text.partition("#")[0].partition("?")[0].endswith(".git")


def parse_git(text: str) -> GitRef:
    """`URL#ref:subdir` or `URL?ref=…&subdir=…`. Raises Invalid for what git could take for something else."""
    url, _, fragment = text.partition("#")
    ref, _, subdir = fragment.partition(":")
    url, question, query = url.partition("?")
    said = _query(query) if question else {}
    if said and fragment:
        raise Invalid(f"invalid git URL {text!r}: a query and a fragment", hint="say all of it in the query")
    refs = [
        said.get("ref", ""),
        _below("refs/heads", said.get("branch")),
        _below("refs/tags", said.get("tag")),
    ]
    if len([one for one in refs if one]) > 1:
        raise Invalid(f"invalid git URL {text!r}: only one of ref, branch and tag")
    ref = ref or next((one for one in refs if one), "")
    subdir = subdir or said.get("subdir", "")
    commit = said.get("commit", said.get("checksum", ""))
    if commit and not re.fullmatch(r"[0-9a-f]{7,64}", commit):
        raise Invalid(f"invalid commit {commit!r}")
    if not ref and len(commit) >= 40:
        ref = commit
    if ref and (not _SAFE_REF.fullmatch(ref) or ".." in ref):
        raise Invalid(f"invalid git reference {ref!r}")
    if ".." in subdir.split("/"):
        raise Invalid(f"invalid subdirectory {subdir!r} of a git context")
    if url.startswith("-") or "::" in url.partition("/")[0]:
        raise Invalid(f"invalid git URL {url!r}")
    return GitRef(
        url,
        ref,
        subdir.strip("/"),
        commit,
        submodules=_switch(said, "submodules", default=True),
        keep_history=_switch(said, "keep-git-dir", default=False),
    )


def _query(text: str) -> dict[str, str]:
    known = {"ref", "branch", "tag", "subdir", "commit", "checksum", "submodules", "keep-git-dir"}
    said = dict(urllib.parse.parse_qsl(text, keep_blank_values=True))
    if unknown := sorted(said.keys() - known):
        raise Invalid(f"unknown query of a git URL: {unknown[0]!r}", hint=", ".join(sorted(known)))
    return said


def _below(kind: str, name: str | None) -> str:
    return f"{kind}/{name}" if name else ""


def _switch(said: dict[str, str], name: str, *, default: bool) -> bool:
    text = said.get(name, "true" if default else "false").lower()
    if text not in ("", "1", "0", "true", "false"):
        raise Invalid(f"{name} of a git URL is true or false, not {text!r}")
    return text in ("", "1", "true")


def clone(git: GitRef, directory: str, *, keep_history: bool = False) -> str:
    """Check out into `directory` (made); the commit. Raises Unsupported without git, Unavailable."""
    environment = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": directory,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_ALLOW_PROTOCOL": "git:http:https:ssh",
        "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
    }
    for name in ("http_proxy", "https_proxy", "no_proxy", "SSH_AUTH_SOCK"):
        if name in os.environ:
            environment[name] = os.environ[name]

    def run(*words: str) -> str:
        command = ["git", "-C", directory, "-c", "core.hooksPath=/dev/null", *words]
        try:
            process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                process_group=0,
            )
        except FileNotFoundError:
            raise Unsupported("git is not installed", hint="it is needed for contexts from git") from None

        def stop() -> None:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)  # with those that it started

        with process, stopped_by(stop):
            said, complained = process.communicate()
        if process.returncode:
            text = (complained.strip().splitlines() or ["unknown error"])[-1]
            raise Unavailable(f"git {words[0]} of {git.url}: {text}")
        return said.strip()

    os.makedirs(directory, mode=0o755)
    run("init", "--quiet")
    try:
        run("fetch", "--quiet", "--depth=1", "--no-tags", "--", git.url, git.ref or "HEAD")
    except Unavailable as error:
        if "shallow" not in error.message:
            raise
        run("fetch", "--quiet", "--no-tags", "--", git.url, git.ref or "HEAD")  # plain files over HTTP
    run("checkout", "--quiet", "--detach", "FETCH_HEAD")
    commit = run("rev-parse", "HEAD")
    if git.commit and not commit.startswith(git.commit):
        raise Invalid(f"{git.url}: {git.ref or 'the default branch'} is {commit}, and not {git.commit}")
    if git.submodules:
        run("submodule", "update", "--quiet", "--init", "--recursive", "--depth=1")
    if not (keep_history or git.keep_history):
        shutil.rmtree(os.path.join(directory, ".git"), ignore_errors=True)
    return commit
