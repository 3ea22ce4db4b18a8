"""wherry: a container engine in Python, with Docker's own interfaces."""

__version__ = "0.1.0"
