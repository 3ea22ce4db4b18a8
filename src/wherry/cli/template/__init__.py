"""Go templates, as far as Docker's `--format` has made people use them.

Loaded only when a template is given.
"""

from __future__ import annotations

from wherry.cli.template.evaluate import Template
from wherry.cli.template.parser import parse_template

__all__ = ["Template", "parse_template"]
