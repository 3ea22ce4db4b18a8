"""What there is at one point of a stage: layers, configuration, variables. Copied at every step."""

from __future__ import annotations

import hashlib
import posixpath

import msgspec

from wherry.build.cache import make_key
from wherry.errors import Invalid
from wherry.oci import History, ImageConfig, RootFS, RunConfig

__all__ = ["DEFAULT_PATH", "DEFAULT_SHELL", "PROXIES", "State"]

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEFAULT_SHELL = ["/bin/sh", "-c"]
PROXIES = frozenset(
    name
    for upper in ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
    for name in (upper, upper.lower())
)
"""Build arguments that need no ARG, and are kept out of the cache and the history."""
_MOST = 16 << 20  # characters of variables and labels


class State(msgspec.Struct):
    """`args` are the ARGs in force; `host` lays the layers over the machine's /usr (the `host` image)."""

    layers: list[str] = []
    config: RunConfig = msgspec.field(default_factory=RunConfig)
    history: list[History] = []
    args: dict[str, str] = {}
    architecture: str = ""
    variant: str = ""
    os: str = "linux"
    author: str = ""
    created: str = ""
    base: str = ""
    below: int = 0
    """How many of the layers are those of the base."""
    extras: tuple[tuple[str, str], ...] = ()
    cmd_set: bool = False
    """Whether this stage has a CMD of its own; one from the base goes when ENTRYPOINT comes."""

    def copy(self) -> State:
        """One that may be changed without changing this one."""
        return msgspec.structs.replace(
            self,
            layers=list(self.layers),
            config=msgspec.structs.replace(self.config),
            history=list(self.history),
            args=dict(self.args),
        )

    @property
    def chain(self) -> str:
        """Names the files: a digest over the layers."""
        return make_key("layers", self.layers, self.extras)

    @property
    def short(self) -> str:
        """Twelve digits that name this state in output."""
        data = msgspec.json.encode([self.layers, self.config, self.author])
        return hashlib.sha256(data).hexdigest()[:12]

    @property
    def environment(self) -> dict[str, str]:
        """What ENV has set."""
        pairs = (item.partition("=") for item in self.config.env or ())
        return {name: value for name, _, value in pairs}

    @property
    def variables(self) -> dict[str, str]:
        """What instructions see: ENV goes before ARG."""
        return {**self.args, **self.environment}

    def set_environment(self, name: str, value: str) -> None:
        """Set a variable, in its old place when there was one."""
        items = list(self.config.env or ())
        for number, item in enumerate(items):
            if item.partition("=")[0] == name:
                items[number] = f"{name}={value}"
                break
        else:
            items.append(f"{name}={value}")
        self.config.env = items

    def check_size(self) -> None:
        """Raises Invalid when variables and labels are more than any image has use for."""
        texts = (self.config.env or (), self.args.values(), (self.config.labels or {}).values())
        if sum(len(text) for group in texts for text in group) > _MOST:
            raise Invalid(f"variables and labels take more than {_MOST} characters")

    def absolute(self, path: str) -> str:
        """`path` from the working directory, cleaned."""
        joined = posixpath.join("/", self.config.working_dir or "/", path)
        return "/" + posixpath.normpath(joined).lstrip("/")

    def add_layer(self, diff_id: str, created: str, created_by: str) -> None:
        """A step was carried out; without a diff id it changed no file."""
        if diff_id:
            self.layers.append(diff_id)
        self.history.append(
            History(created=created, created_by=created_by, author=self.author, empty_layer=not diff_id)
        )
        self.created = created

    def nop(self, text: str) -> str:
        """How Docker's classic builder writes a step that ran nothing into the history."""
        return f"{' '.join(self.config.shell or DEFAULT_SHELL)} #(nop) {text}"

    def note(self, text: str) -> None:
        """A step that only changed the configuration; its time is set when the image is made."""
        self.history.append(History(created_by=self.nop(f" {text}"), author=self.author, empty_layer=True))

    def image_config(self, created: str) -> ImageConfig:
        """The configuration of an image of this."""
        history = [
            item if item.created else msgspec.structs.replace(item, created=created) for item in self.history
        ]
        return ImageConfig(
            architecture=self.architecture,
            variant=self.variant,
            os=self.os,
            author=self.author,
            created=created,
            config=self.config,
            rootfs=RootFS(diff_ids=list(self.layers)),
            history=history,
        )
