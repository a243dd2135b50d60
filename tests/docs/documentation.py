"""Pages of the documentation, parsed by Sybil: their blocks of code, and what each kind does.

- `python` blocks of a page run one after another in one namespace.
- `bash` blocks run under `bash -eu` with the commands of this environment.
- `yaml` blocks are campaign files, active-learning loops, or parts of a campaign; all must load.
- A block whose first line is a comment with a file name is also written to that file.
- `text` is no code.

`<!--- skip: next "reason" -->` before a block says why it is not executed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

from ruamel.yaml import YAML
from sybil import Document, Example
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.myst import CodeBlockParser, SkipParser

from seicampaign import Campaign
from seicampaign.campaign.learning import LearningFile

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md")), *sorted(DOCS.glob("howto/*.md"))]
NO_CODE = {"text", "{toctree}"}
FILE_NAME = re.compile(r"# ([\w./-]+\.\w+)\n")
SHORT_CAMPAIGN = {
    "interface": {"electrolyte_thickness": 25, "anode_thickness": 25},
    "sampling": {"frame_interval": 0.002, "segment": 0.03},
}
SHORT_LOOP = {"length": 0.02, "budget": 0}
ANYTHING = {"name": "part", "electrolytes": ["Li6PS5Cl"], "temperatures": [400], "length": 1}


def name(path: Path) -> str:
    """A page as tests call it: `howto/electrolyte`."""
    return str(path.relative_to(DOCS).with_suffix("") if DOCS in path.parents else path.stem)


def parse(path: Path) -> Document:
    """A page with all blocks that are code, and the marks of those that are not executed."""
    evaluators = {"python": PythonEvaluator(), "bash": bash, "yaml": yaml, "cif": written}
    parsers = [
        CodeBlockParser(language, saved(evaluator)) for language, evaluator in evaluators.items()
    ]
    return Document.parse(str(path), SkipParser(), *parsers)


def marks(page: Document) -> list[str | None]:
    """The reasons for which blocks of a page are not executed; None for a mark without one."""
    return [e.parsed[1] for e in page.examples() if isinstance(e.parsed, tuple)]


def saved(evaluator):
    """Before a block is executed, it is written to the file that its first line names."""

    def evaluate(example: Example) -> str | None:
        if found := FILE_NAME.match(example.parsed):
            path = Path(found[1])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(example.parsed)
        return evaluator(example)

    return evaluate


def written(example: Example) -> str | None:
    """A block that is a file and nothing else."""
    return None if FILE_NAME.match(example.parsed) else "its first line should name its file"


def bash(example: Example) -> str | None:
    """Run it; what it said is the failure."""
    programs = str(Path(sys.executable).parent)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", example.parsed],
        env=os.environ | {"PATH": f"{programs}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1800,
    )
    return None if done.returncode == 0 else f"status {done.returncode}\n{done.stdout[-4000:]}"


def yaml(example: Example) -> None:
    """Load it as what it is: a campaign, a loop, or keys that a campaign may have.

    A file is then left in a form that takes seconds.
    """
    found = YAML(typ="safe").load(example.parsed)
    part = Path("part.yaml")
    part.write_text(example.parsed if "name" in found else dumped(ANYTHING | found))
    (LearningFile if "starts" in found else Campaign).from_file(part)
    if name := FILE_NAME.match(example.parsed):
        Path(name[1]).write_text(shortened(example.parsed))


def shortened(text: str) -> str:
    """A campaign or loop in thin cells, for a short time."""
    found = YAML(typ="safe").load(text)
    if "starts" in found:
        return dumped(found | SHORT_LOOP)
    return dumped(found | SHORT_CAMPAIGN | {"length": found["length"] * 0.002})


def dumped(tree: dict) -> str:
    """As YAML."""
    text = StringIO()
    YAML(typ="safe").dump(tree, text)
    return text.getvalue()
