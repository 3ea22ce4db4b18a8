"""The examples of docs/python.md, run one after the other."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.harness.capabilities import python
from tests.harness.engine import EngineUnderTest

PAGE = Path(__file__).parents[3] / "docs" / "python.md"
COMPOSE = "services: {web: {image: 'debian:12', init: true, command: sleep 600}}\n"


def blocks() -> list[str]:
    found = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(found) == 6
    return found


def test_examples_run(engine: EngineUnderTest, image: str, tmp_path: Path) -> None:
    first, *middle, suite = blocks()
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    engine.wherry("tag", image, "debian:12")
    engine.wherry("run", "--name", "source", "debian:12", "true")
    engine.wherry("export", "-o", str(tmp_path / "debian.tar"), "source")
    engine.wherry("rm", "source")
    program = "import wherry\n" + "".join(middle)
    done = subprocess.run(
        [python(), "-c", program],
        env=engine.environment | {"DOCKER_HOST": engine.docker_host},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[0] == "text"
    assert done.stdout.splitlines()[-3:] == ["running", "2", "running"]
    assert (tmp_path / "copy" / "note").read_text() == "text"
    assert engine.container_ids() == []
    engine.wherry("rmi", "debian:12")
    compile(first, "first", "exec")
    compile(suite, "suite", "exec")
