"""Where a build's files come from: a directory, an archive, the layers of an image or stage."""

from wherry.build.sources.archive import ArchiveFiles
from wherry.build.sources.directory import DirectoryFiles
from wherry.build.sources.files import File, Files
from wherry.build.sources.layers import LayerFiles

__all__ = ["ArchiveFiles", "DirectoryFiles", "File", "Files", "LayerFiles"]
