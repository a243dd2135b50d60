"""Reads a campaign file, and says what is wrong in it, where, and what would be right."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from seicampaign.errors import CampaignError, unknown

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Model = TypeVar("Model", bound=BaseModel)
_BRANCHES = {"str", "PotentialFile", "MlipFile", "LammpsLines"}


def read_campaign(model: type[Model], path: Path) -> Model:
    """Read and validate a YAML file.

    Raises
    ------
    CampaignError
        With the file, the line and every problem that was found.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        tree = YAML(typ="rt", pure=True).load(path.read_text())
    except OSError as error:
        raise CampaignError(f"Campaign file {path} cannot be read: {error.strerror}.") from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise CampaignError(f"Campaign file {path} is no valid YAML: {error}") from None
    if not isinstance(tree, dict):
        raise CampaignError(f"Campaign file {path} should hold keys and values, e.g. `name: ...`.")
    try:
        return model.model_validate(_plain(tree))
    except ValidationError as error:
        raise CampaignError(f"{path}: {explain(error, model, tree)}") from None


def explain(error: ValidationError, model: type[BaseModel] | None = None, tree: Any = None) -> str:
    """What pydantic found, a sentence for each problem, with line numbers where a tree is given."""
    seen: dict[str, None] = {}
    for detail in error.errors():
        seen.setdefault(_sentence(detail, model, tree))
    return "; ".join(seen)


def _sentence(detail: ErrorDetails, model: type[BaseModel] | None, tree: Any) -> str:
    location = [part for part in detail["loc"] if not _is_branch(part)]
    where = _line(tree, location)
    name = ".".join(str(part) for part in location)
    if detail["type"] == "extra_forbidden" and location:
        fields = _fields(model, detail["loc"][:-1]) if model is not None else []
        return where + unknown("key", str(location[-1]), fields)
    message = detail["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    given = detail.get("input")
    if detail["type"] != "missing" and not isinstance(given, dict | list):
        message += f", not {given!r}"
    return f"{where}{name}: {message}" if name else where + message


def _is_branch(part: Any) -> bool:
    """Whether a location names an arm of a union (``str``, ``dict[str,any]``), not a key."""
    return isinstance(part, str) and (part in _BRANCHES or part.startswith("dict["))


def _fields(model: type[BaseModel], location: Iterable[Any]) -> list[str]:
    """The keys that are valid at a location."""
    for part in location:
        named = [m for m in _models() if m.__name__ == part]
        if named:
            model = named[0]
        if isinstance(part, int) or _is_branch(part):
            continue
        annotation = str(model.model_fields[part].annotation) if part in model.model_fields else ""
        inner = [m for m in _models() if m.__name__ in annotation] or _fields_of(model, part)
        if not inner:
            return []
        model = inner[0]
    return [field.alias or name for name, field in model.model_fields.items()]


def _fields_of(model: type[BaseModel], key: str) -> list[type[BaseModel]]:
    """The model whose fields a key of a campaign holds, if it is such a key."""
    from seicampaign.campaign.campaign import FIELDS_OF, Campaign

    return [FIELDS_OF[key]] if model is Campaign and key in FIELDS_OF else []


def _models() -> list[type[BaseModel]]:
    from seicampaign.campaign.campaign import Exemption
    from seicampaign.campaign.potential import LammpsLines, MlipFile, PotentialFile
    from seicampaign.documents import Sampling
    from seicampaign.md import GradeSettings
    from seicampaign.reference.gates import Gates

    return [Sampling, GradeSettings, Exemption, PotentialFile, MlipFile, LammpsLines, Gates]


def _line(tree: Any, location: Iterable[Any]) -> str:
    """``line N: `` of the deepest part of a location that the file has."""
    found: int | None = None
    for part in location:
        try:
            marks = tree.lc
            position = marks.key(part) if isinstance(tree, dict) else marks.item(part)
            found, tree = position[0] + 1, tree[part]
        except (AttributeError, KeyError, IndexError, TypeError):
            break
    return f"line {found}: " if found is not None else ""


def _plain(value: Any) -> Any:
    """Builtin types in place of ruamel's."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value
