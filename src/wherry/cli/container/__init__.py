"""Commands on containers."""
