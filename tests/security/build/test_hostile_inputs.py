"""Dockerfiles and contexts made to hurt: each ends soon, with one clear line, and the engine goes on."""

from __future__ import annotations

import io
import tarfile

import pytest

from tests.harness.command import Command
from tests.harness.engine import EngineUnderTest

pytestmark = [pytest.mark.needs("root")]

TEN = "$A" * 10
LAUGHS = "ARG A=lolololol\n" + "".join(f"ARG A={TEN}\n" for _ in range(12))
MANY_STARS = "*a" * 25 + "b"

DOCKERFILES = {
    "a NUL byte": (b"FROM BASE\nWORKDIR /a\0b\n", "2:11: the file has a NUL byte"),
    "no text": (b"FROM BASE\nRUN echo \xff\n", "not UTF-8 text"),
    "a billion laughs": (b"FROM BASE\n" + LAUGHS.encode(), "expand to more than"),
    "laughs before FROM": (
        "".join(f"ARG A{n}={f'$A{n - 1}' * 10 if n else 'lolololol'}\n" for n in range(13)).encode()
        + b"FROM BASE\n",
        "expand to more than",
    ),
    "laughs in a label": (
        b"FROM BASE\nENV A=" + b"x" * 9000 + b"\n" + b"LABEL a=" + b"$A" * 200,
        "expand to",
    ),
    "labels without end": (
        b"FROM BASE\nENV A="
        + b"x" * 100_000
        + b"\n"
        + b"".join(b"LABEL l%d=$A$A$A$A$A$A$A$A$A$A\n" % n for n in range(20)),
        "variables and labels take more than",
    ),
    "nested substitutions": (
        b"FROM BASE\nENV A=" + b"${B:-" * 5000 + b"x" + b"}" * 5000,
        "nested too deeply",
    ),
    "a wait of an eternity": (
        b"FROM BASE\nHEALTHCHECK --interval=%sh CMD x" % (b"9" * 30),
        "invalid duration",
    ),
    "retries without number": (
        b"FROM BASE\nHEALTHCHECK --retries=%s CMD x" % (b"9" * 30),
        "not a whole number",
    ),
    "a stage of itself": (b"FROM BASE AS a\nCOPY --from=a /x /", "needs to be defined before current stage"),
    "stages in a circle": (
        b"FROM BASE AS a\nCOPY --from=b /x /\nFROM BASE AS b\nCOPY --from=a /x /",
        "needs to be defined before current stage",
    ),
    "a heredoc's name": (b"FROM BASE\nCOPY <<../../x /d/\nx\n../../x\n", "forbidden path"),
    "not octal": (b"FROM BASE\nCOPY --chmod=99999 <<a /\nx\na\n", "invalid chmod parameter"),
}


@pytest.mark.parametrize("case", DOCKERFILES)
def test_dockerfiles(wherry: Command, engine: EngineUnderTest, image: str, case: str) -> None:
    text, words = DOCKERFILES[case]
    said = wherry("build", "--progress=plain", "-", stdin=text.replace(b"BASE", image.encode()), code=1).err
    assert words in said and "Traceback" not in said
    assert engine.answers()


HARMLESS = {
    "10,000 lines": b"FROM BASE\n" + b"LABEL a=b\n" * 10_000,
    "1,000 stages": b"FROM BASE AS s0\n"
    + b"".join(b"FROM s%d AS s%d\n" % (n - 1, n) for n in range(1, 1000)),
    "a line of a megabyte": b"FROM BASE\nLABEL " + b"a=b " * 250_000,
    "a pattern of stars": b"FROM BASE\nENV A="
    + b"a" * 300
    + b"\nENV B=${A#"
    + b"*a" * 30
    + b"b} C=${A%b*a*a*a*a*a}\n",
}


@pytest.mark.parametrize("case", HARMLESS)
def test_much_is_no_harm(wherry: Command, image: str, case: str) -> None:
    wherry("build", "-q", "-", stdin=HARMLESS[case].replace(b"BASE", image.encode()))


def _context(dockerfile: str, *members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for member, content in ((tarfile.TarInfo("Dockerfile"), dockerfile.encode()), *members):
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return data.getvalue()


def _member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, link
    member.devmajor, member.devminor = 8, 0
    return member


CONTEXTS = {
    "a path too long": ("COPY . /c", [(_member("d/" * 3000 + "f"), b"x")], "a path of"),
    "a name too long": ("COPY . /c", [(_member("n" * 5000), b"x")], "a path of"),
    "links in a circle": (
        "COPY a /c",
        [(_member("a", tarfile.SYMTYPE, "b"), b""), (_member("b", tarfile.SYMTYPE, "a"), b"")],
        "too many levels",
    ),
    "a hard link out": (
        "COPY a /c",
        [(_member("a", tarfile.LNKTYPE, "../../etc/passwd"), b"")],
        "hard link to nothing",
    ),
    "stars": (f"COPY {MANY_STARS} /c", [(_member("a" * 200), b"x")], "no source files"),
    "many deep stars": (f"COPY {'**/a/' * 25}b /c", [(_member("a/" * 60 + "c"), b"x")], "no source files"),
    "a pattern that is none": ("COPY . /c", [(_member(".dockerignore"), b"[")], "syntax error in pattern"),
}


@pytest.mark.parametrize("case", CONTEXTS)
def test_contexts(wherry: Command, engine: EngineUnderTest, image: str, case: str) -> None:
    step, members, words = CONTEXTS[case]
    said = wherry("build", "-", stdin=_context(f"FROM {image}\n{step}\n", *members), code=1).err
    assert words in said and "Traceback" not in said
    assert engine.answers()


def test_a_dockerfile_that_is_no_file(wherry: Command) -> None:
    for kind in (tarfile.FIFOTYPE, tarfile.BLKTYPE, tarfile.DIRTYPE):
        context = _context("", (_member("D", kind), b""))
        assert (
            "Cannot locate specified Dockerfile" in wherry("build", "-f", "D", "-", stdin=context, code=1).err
        )
    context = _context("", (_member("D", tarfile.SYMTYPE, "/etc/passwd"), b""))
    assert "Cannot locate specified Dockerfile" in wherry("build", "-f", "D", "-", stdin=context, code=1).err


def test_devices_of_a_context(wherry: Command, image: str) -> None:
    """A step can't open the disk that a context's archive names (CVE-2024-23652's neighbours)."""
    context = _context(
        f"FROM {image}\nCOPY . /c\nRUN if dd if=/c/sda of=/x count=1; then false; fi\n",
        (_member("sda", tarfile.BLKTYPE), b""),
    )
    wherry("build", "--no-cache", "-", stdin=context)


def test_names_of_any_bytes(wherry: Command, image: str) -> None:
    """Names that are no text, or that a terminal would obey, are copied and never shown as they are."""
    context = _context(
        f"FROM {image}\nCOPY . /c\nCOPY nothing /\n",
        (_member("a\x1b[31m\nb"), b"x"),
        (_member("\udcff"), b"x"),
    )
    said = wherry("build", "--no-cache", "--explain", "-", stdin=context, code=1).err
    assert "file not found in build context" in said and "\x1b[31m" not in said
