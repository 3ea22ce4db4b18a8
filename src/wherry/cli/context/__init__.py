"""Commands on named engines."""
