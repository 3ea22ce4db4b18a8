"""One verb a module; each has `run(context, arguments)`, which returns the exit status."""
