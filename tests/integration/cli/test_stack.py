"""`wherry stack`: Docker's words for a compose file, on one machine."""

from __future__ import annotations

from tests.harness.command import Command
from tests.harness.engine import EngineUnderTest

FILE = """
services:
  web: {image: host, command: sleep 1000, init: true, deploy: {replicas: 2}}
  old: {image: host, command: sleep 1000, init: true}
"""


def test_a_stack_from_its_first_day_to_its_last(engine: EngineUnderTest, wherry: Command) -> None:
    (engine.home / "stack.yaml").write_text(FILE)
    wherry("stack", "deploy", "-c", "stack.yaml", "shop")
    try:
        assert wherry("stack", "ls", "--format", "{{.Name}} {{.Services}}").line == "shop 2"
        form = ("--format", "{{.Name}} {{.Replicas}}")
        assert wherry("stack", "services", "shop", *form).out == "shop_old 1/1\nshop_web 2/2\n"
        (engine.home / "compose.yaml").write_text("services: {other: {image: host}}")  # not of this stack
        names = wherry("stack", "ps", "shop", "--format", "{{.Name}}").out.split()
        assert names == ["shop-old-1", "shop-web-1", "shop-web-2"]
        (engine.home / "stack.yaml").write_text(FILE.replace("  old:", "  new:"))
        wherry("stack", "deploy", "--prune", "-c", "stack.yaml", "shop")
        assert wherry("stack", "services", "shop", *form).out == "shop_new 1/1\nshop_web 2/2\n"
    finally:
        wherry("stack", "rm", "shop", code=None)
        (engine.home / "compose.yaml").unlink(missing_ok=True)
    assert wherry("ps", "-aq").out == ""
    assert "nothing found in stack: shop" in wherry("stack", "rm", "shop", code=1).err
    assert "please specify a Compose file" in wherry("stack", "deploy", "shop", code=1).err


def test_what_there_is_instead_of_a_swarm(wherry: Command) -> None:
    for words in (("swarm", "init"), ("service", "ls"), ("node", "ls"), ("secret", "ls"), ("plugin", "ls")):
        said = wherry(*words, code=1).err
        assert said.startswith(f"wherry: wherry has no '{words[0]}'\nhint: "), said
