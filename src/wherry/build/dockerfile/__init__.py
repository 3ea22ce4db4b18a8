"""The Dockerfile language: text → instructions with positions."""

from wherry.build.dockerfile.expand import Expander
from wherry.build.dockerfile.lines import Heredoc, Node, Source, read
from wherry.build.dockerfile.parse import Dockerfile, Stage, parse
from wherry.build.dockerfile.position import DockerfileError

__all__ = ["Dockerfile", "DockerfileError", "Expander", "Heredoc", "Node", "Source", "Stage", "parse", "read"]
