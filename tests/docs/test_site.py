"""The site is built as readers get it: a broken link or docstring is an error."""

import subprocess
from importlib.util import find_spec

import documentation
import pytest


@pytest.mark.slow
@pytest.mark.xdist_group("docs")
@pytest.mark.skipif(find_spec("sphinx") is None, reason="needs the extra `docs`")
def test_the_site_is_built_without_a_warning():
    done = subprocess.run(
        [documentation.ROOT / "scripts" / "docs"], capture_output=True, text=True, timeout=1800
    )
    assert done.returncode == 0, done.stderr[-4000:]
    site = documentation.DOCS / "_build" / "html"
    for page in documentation.PAGES[1:]:
        assert (site / f"{documentation.name(page)}.html").is_file()
    commands = (site / "generated" / "commands.html").read_text()
    assert "seicampaign-potential-learn" in commands
    assert "reduction_degree" in (site / "generated" / "api" / "analysis.html").read_text()
