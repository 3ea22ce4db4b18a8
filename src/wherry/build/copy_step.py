"""COPY and ADD, from the files they name to a layer."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator

from wherry.build.copying import Copying, Picked, parse_mode, pick
from wherry.build.dockerfile import Expander
from wherry.build.dockerfile.instructions import Copy
from wherry.build.downloading import download
from wherry.build.fetching import clone, is_git, is_url, parse_git
from wherry.build.ignore import Ignore
from wherry.build.owners import resolve_owner
from wherry.build.sources import ArchiveFiles, DirectoryFiles, Files, LayerFiles
from wherry.build.sources.memory import MemoryFiles
from wherry.build.state import State
from wherry.build.step import Room, Spot
from wherry.errors import Invalid, WherryError
from wherry.store.apart import to_its_end
from wherry.store.compression import compression_of
from wherry.store.tar import Item, Kind

__all__ = ["copy_files"]

_HEAD = 512


async def copy_files(
    room: Room,
    spot: Spot,
    state: State,
    step: Copy,
    expand: Expander,
    files_of: Callable[[str], Awaitable[Files]],
) -> None:
    """Carry out one COPY or ADD on `state`. Raises Invalid for what can't be copied."""
    word = step.node.word
    target = expand.word(step.target)
    into = target.endswith(("/", "/.")) or target in (".", "")
    sources = [source if source.startswith("<<") else expand.word(source) for source in step.sources]
    if not all(sources):
        raise Invalid(f"{word} failed: empty source")
    owner = expand.word(step.flag("chown"))
    mode = expand.word(step.flag("chmod"))
    if mode:
        parse_mode(mode)
    origin = expand.word(step.flag("from"))
    exclude = [expand.word(one) for one in step.flags.get("exclude", ())]
    context = await files_of(origin) if origin else room.request.context
    opened: list[Files] = []

    def gather() -> tuple[Copying, tuple[str, dict[str, str]]]:
        picked: list[Picked] = []
        heredocs = {one.name: one for one in step.heredocs}
        for source in sources:
            name = source.lstrip("<").lstrip("-").strip("'\"") if source.startswith("<<") else ""
            if name in heredocs and name:
                one = heredocs[name]
                text = expand.document(one.content) if one.expand else one.content
                files: Files = MemoryFiles({name: text.encode()}, room.now_ns())
                picked += pick(files, name, instruction=word)
            elif step.add and (is_git(source) or is_url(source)):
                files = _fetched(room, step, source, opened)
                name = "." if is_git(source) else files.children("")[0].path
                if not is_git(source) and into is False and len(sources) == 1 and name == "index":
                    pass  # the target names the file
                picked += pick(files, name, instruction=word)
            else:
                if context is None:
                    raise Invalid(f"{word} failed: there is no build context to take {source} from")
                picked += pick(
                    context,
                    source,
                    instruction=word,
                    parents=step.on("parents"),
                    exclude=exclude,
                )
        if not picked:
            raise Invalid(f"{word} failed: no source files were specified")
        several = len(picked) > 1 and not all(one.top.is_directory for one in picked)
        if (several or len(sources) > 1) and not into and len(picked) > 1:
            raise Invalid(
                f"When using {word} with more than one source file, the destination must be a directory and "
                "end with a /"
            )
        copying = Copying(
            picked=picked,
            target=state.absolute(target),
            into=into or step.on("parents"),
            owner=owner,
            mode=mode,
            link=step.on("link"),
            keep_owners=False,
        )
        return copying, copying.key()

    try:
        copying, (digest, facts) = await to_its_end(gather)
        comment = f"{'multi' if len(copying.picked) > 1 else 'file'}:{digest}"
        shown = state.nop(f"{word} {comment} in {target} ")
        if owner:
            shown = state.nop(f"{word} --chown={owner}{comment} in {target} ")

        async def make() -> str:
            return await room.layer(lambda: room.compose(_items(room, state, copying, step, opened)))

        unpacks = step.add and step.flag("unpack").lower() not in ("false", "0")
        await spot.layer(
            state,
            f"{word} {copying.target} {'unpack' if unpacks else ''}",
            make=make,
            files=(digest, facts),
            parent="" if copying.link else None,
            kind="source.local",
            created_by=shown,
        )
    finally:
        for one in opened:
            one.close()


def _items(room: Room, state: State, copying: Copying, step: Copy, opened: list[Files]) -> Iterator[Item]:
    rootfs = LayerFiles([room.store.layers.path(layer) for layer in reversed(state.layers)])
    try:
        if step.add:
            copying = _with_archives(room, copying, step, opened)
        owner = resolve_owner(copying.owner, rootfs.small) if copying.owner else None
        yield from copying.items(None if copying.link else rootfs, owner, room.now_ns())
    finally:
        rootfs.close()


def _with_archives(room: Room, copying: Copying, step: Copy, opened: list[Files]) -> Copying:
    """ADD unpacks local archives; those that were downloaded with --unpack only."""
    if step.flag("unpack").lower() in ("false", "0"):
        return copying
    picked = []
    found = False
    for one in copying.picked:
        fetched = isinstance(one.files, DirectoryFiles) and one.files in opened
        archive = None
        if not one.top.is_directory and one.members and not (fetched and not step.on("unpack")):
            archive = _as_archive(room, one)
        if archive is None:
            picked.append(one)
            continue
        found = True
        opened.append(archive)
        picked.append(pick(archive, ".", instruction="ADD")[0])
    return copying._replace(picked=picked, keep_owners=True, into=True) if found else copying


def _as_archive(room: Room, picked: Picked) -> ArchiveFiles | None:
    file = picked.members[0][1]
    if file.kind != Kind.FILE:
        return None
    head = next(picked.files.read(file), b"")[:_HEAD]
    if head[257:262] != b"ustar" and not compression_of(head[:6]):
        return None
    try:
        return ArchiveFiles(picked.files.read(file), room.temporary)
    except WherryError:
        if head[257:262] == b"ustar":
            raise
        return None  # something else that is compressed


def _fetched(room: Room, step: Copy, source: str, opened: list[Files]) -> Files:
    place = os.path.join(room.temporary, f"fetched-{os.urandom(6).hex()}")
    if is_git(source):
        git = parse_git(source)
        if step.flag("checksum"):
            git = git._replace(commit=step.flag("checksum"))
        clone(git, place, keep_history=step.on("keep-git-dir"))
        if git.subdir:
            place = _subdirectory(place, git.subdir)
    else:
        download(source, place, checksum=step.flag("checksum"))
    files = DirectoryFiles(place, Ignore())
    opened.append(files)
    return files


def _subdirectory(place: str, subdir: str) -> str:
    files = DirectoryFiles(place, Ignore())
    try:
        real = files.resolve(subdir)
        found = files.lookup(real) if real is not None else None
    finally:
        files.close()
    if found is None or not found.is_directory:
        raise Invalid(f"there is no directory {subdir!r} in the git repository")
    return os.path.join(place, found.path)
