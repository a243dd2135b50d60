"""Every block of code of the documentation is executed, page by page, as a reader would."""

from unittest import SkipTest

import documentation
import pytest
from markdown_it import MarkdownIt

pytestmark = pytest.mark.xdist_group("docs")

QUICK = ("architecture", "engine", "index", "learning", "md", "science", "security", "structures")
QUICK += ("training", "validation")
"""Pages that simulate nothing and start no program."""

pages = [pytest.param(path, id=documentation.name(path)) for path in documentation.PAGES]
executed = [
    pytest.param(
        path,
        id=documentation.name(path),
        marks=[] if documentation.name(path) in QUICK else pytest.mark.slow,
    )
    for path in documentation.PAGES
]
not_executed = [
    pytest.param(reason, id=f"{documentation.name(path)}: {reason}")
    for path in documentation.PAGES
    for reason in documentation.marks(documentation.parse(path))
]


@pytest.mark.parametrize("path", pages)
def test_every_block_is_one_that_is_executed(path):
    """Indented blocks, and fences of a language that nobody executes, would go untested."""
    tokens = MarkdownIt().enable("table").parse(path.read_text())
    indented = [token.map[0] + 1 for token in tokens if token.type == "code_block"]
    assert not indented, f"{path}: write the blocks of lines {indented} with fences"
    fences = [t for t in tokens if t.type == "fence" and t.info not in documentation.NO_CODE]
    blocks = [e for e in documentation.parse(path).examples() if not isinstance(e.parsed, tuple)]
    missed = {t.map[0] + 1 for t in fences} - {e.line for e in blocks}
    assert not missed, f"{path}: nobody executes the blocks of lines {sorted(missed)}"


@pytest.mark.parametrize("reason", not_executed)
def test_a_block_that_is_not_executed_says_why(reason):
    """With `pytest -v -k says_why` these are listed."""
    assert reason and len(reason) > 12


@pytest.mark.parametrize("path", executed)
def test_its_blocks_do_what_the_page_says(path, workspace, request):
    if documentation.name(path) not in QUICK:
        request.getfixturevalue("finished")
    for example in documentation.parse(path).examples():
        try:
            example.evaluate()
        except SkipTest:
            continue
        except Exception as error:
            raise AssertionError(f"{path.name}, line {example.line}: {error}") from error


@pytest.mark.parametrize("path", pages)
def test_every_page_is_in_the_contents(path):
    contents = (documentation.DOCS / "index.md").read_text().splitlines()
    listed = [*contents, "README", "index"]
    assert documentation.name(path) in listed, "name it in docs/index.md, in one of its lists"
