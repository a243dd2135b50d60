"""The documentation: `scripts/docs` builds it into docs/_build/html."""

from __future__ import annotations

from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import seicampaign

GENERATED = Path(__file__).parent / "generated"

project = "seicampaign"
author = "the authors of seicampaign"
release = version = seicampaign.__version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
]
exclude_patterns = ["_build"]
suppress_warnings = ["ref.python"]  # a type that several classes have an attribute named like

toc_object_entries = False  # thousands of them, copied into the navigation of every page

html_theme = "furo"
html_title = "seicampaign"
html_show_copyright = False
html_show_sphinx = False
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["formulas.css"]

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

autodoc_default_options = {
    "members": True,
    "show-inheritance": True,
    "ignore-module-all": True,
    "exclude-members": "model_config",
}
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_use_ivar = True


def commands(_app: Any) -> None:
    """Write the reference of the command line from the commands themselves."""
    import typer
    from typer.cli import get_docs_for_click

    from seicampaign.cli.main import app

    command = typer.main.get_command(app)
    context = typer.Context(command, info_name="seicampaign")
    text = get_docs_for_click(obj=command, ctx=context, name="seicampaign", title="Commands")
    write("commands.md", text)


def modules(_app: Any) -> None:
    """Write a page for each floor of the package, with all of its modules."""
    floors: dict[str, list[str]] = {}
    for module in walk_packages(seicampaign.__path__, "seicampaign."):
        floor = module.name.split(".")[1]
        if floor != "cli":
            floors.setdefault(floor, []).append(module.name)
    for floor, names in floors.items():
        blocks = [f"{name}\n{'-' * len(name)}\n\n.. automodule:: {name}\n" for name in names]
        title = f"seicampaign.{floor}"
        write(f"api/{floor}.rst", f"{title}\n{'=' * len(title)}\n\n" + "\n".join(blocks))
    index = ["Modules", "=======", "", ".. toctree::", "   :maxdepth: 1", ""]
    write("api/index.rst", "\n".join(index + [f"   {floor}" for floor in sorted(floors)]) + "\n")


def write(name: str, text: str) -> None:
    """Write a generated page, unless it is there already: Sphinx reads again what is newer."""
    path = GENERATED / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def is_model(what: str, item: Any) -> bool:
    """Whether something is a pydantic model with fields."""
    from pydantic import BaseModel

    return what == "class" and issubclass(item, BaseModel) and bool(item.model_fields)


def fields(_app: Any, what: str, _name: str, item: Any, _options: Any, lines: list[str]) -> None:
    """Say what the fields of a pydantic model are: their descriptions are no docstrings."""
    if is_model(what, item) and "Attributes" not in lines:
        lines += ["", "Attributes", "----------"]
        for name, field in item.model_fields.items():
            default = field.get_default(call_default_factory=True)
            said = [field.description, None if field.is_required() else f"default ``{default!r}``"]
            lines += [name, "    " + "; ".join(filter(None, said))]


def signature(_app: Any, what: str, _name: str, item: Any, *_: Any) -> tuple[str, None] | None:
    """No signature for a pydantic model: it would be its fields again, as pydantic spells them."""
    return ("", None) if is_model(what, item) else None


def public_names(_app: Any, what: str, name: str, item: Any, _: Any, lines: list[str]) -> None:
    """Say of a package what is imported from it."""
    if what == "module" and hasattr(item, "__all__"):
        names = ", ".join(f"``{public}``" for public in item.__all__)
        lines += ["", f"``from {name} import`` {names}"]


def mathml(writer: Any, node: Any) -> None:
    """Write a formula as MathML, which browsers know: no script, and nothing from a network."""
    from docutils.nodes import SkipNode, math_block
    from docutils.utils.math.latex2mathml import tex2mathml

    writer.body.append(tex2mathml(node.astext(), as_block=isinstance(node, math_block)))
    raise SkipNode


def setup(app: Any) -> None:
    """What Sphinx calls."""
    from pygments.lexers.special import TextLexer

    app.add_lexer("cif", TextLexer)  # Pygments has none for it
    app.add_html_math_renderer("mathml", (mathml, None), (mathml, None))
    app.connect("builder-inited", commands)
    app.connect("builder-inited", modules)
    app.connect("autodoc-process-docstring", fields, priority=400)  # before napoleon
    app.connect("autodoc-process-docstring", public_names)
    app.connect("autodoc-process-signature", signature)
