"""Container logs: the format, its options, the writer (supervisor) and the reader (engine)."""
