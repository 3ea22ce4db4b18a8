"""A pytest plugin: `pytest_plugins = ["wherry.testing.plugin"]`, or `-p wherry.testing.plugin`."""
