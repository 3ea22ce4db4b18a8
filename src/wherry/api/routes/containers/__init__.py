"""Routes below `/containers`."""
