"""Reads params.yaml into typed sections. Each section is declared next to the code that uses it.

A section is a class with the name of its key in the file: `Splits` is `splits`. Parameters have no defaults:
params.yaml is the only place for values. For a key that is unknown, missing or of the wrong type, the error gives
its full name and what is allowed. The parameters of a choice that is not selected (see `fusionrec.choices`) are not
checked, because its module is not imported.
"""

import reprlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fusionrec import choices, yaml_text
from fusionrec.choices import Choice
from fusionrec.errors import UserError

PATH = "params.yaml"
SECTIONS = (
    "runtime", "raw", "clean", "images", "splits", "cache", "model", "train", "metrics", "rerank", "recs",
    "variants", "search", "encoders",
)  # fmt: skip

# `dvc exp run -S` passes strings such as "3e-5": numbers are converted; other values are refused.
Fraction = Annotated[float, Field(ge=0, lt=1)]
Probability = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]
Weight = Annotated[float, Field(ge=0)]
Id = Annotated[str, Field(coerce_numbers_to_str=True)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

S = TypeVar("S", bound=BaseModel)
LINES, LINE = 30, 1000  # of a message, and characters of a line
SHORT = reprlib.Repr()  # of values that were given
SHORT.maxstring = SHORT.maxother = 200


class Section(BaseModel):
    """A part of params.yaml. Unknown keys are errors, and values cannot be changed.

    Attributes:
        before: for keys that were added later, the value that keeps the earlier behaviour. Saved models without such
            a key are read with this value; params.yaml must have every key.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), allow_inf_nan=False)
    before: ClassVar[dict[str, Any]] = {}


class Choosing(Section):
    """A section with parameters that name choices. A choice may have its own parameters, under its name."""

    model_config = ConfigDict(extra="allow", frozen=True, protected_namespaces=(), allow_inf_nan=False)

    def own(self, name: str) -> Any:
        """The validated `Options` of the choice `name`; None if its module declares none.

        Raises:
            ValidationError: if a parameter is unknown, missing or of the wrong type.
        """
        options = getattr(self.module(name), "Options", None)
        given = (self.model_extra or {}).get(name)
        if options is None:
            return Section.model_validate(given) if given else None
        return options.model_validate({} if given is None else given)

    def module(self, name: str) -> Any:
        """The module of the choice `name`.

        The class that declares the choice is imported wherever it is loaded, so that the fingerprint covers it.
        """
        return choices.load(_package(type(self), name), name)

    def selected(self) -> list[str]:
        """The names of all selected choices."""
        fields = type(self).model_fields.items()
        values = [getattr(self, name) for name, field in fields if _choice(field)]
        return [name for value in values for name in choices.selected(value)]


def load(section: type[S], path: Path | str = PATH) -> S:
    """Read and check one section.

    Raises:
        UserError: one line for each key that is unknown, missing or of the wrong type.
    """
    return parse(section, read(path), str(path))


def read(path: Path | str = PATH) -> dict[str, Any]:
    """All of params.yaml as nested mappings; only the names of the sections are checked.

    Raises:
        UserError: if the file does not exist or is not valid YAML, or if a section is unknown.
    """
    try:
        tree = _tree(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run from the root of the repository") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 at byte {error.start}; save the file as UTF-8") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise UserError(f"{path}: not valid YAML: {str(error)[:500]}") from None
    if tree is None:
        raise UserError(f"{path}: empty; `git checkout {PATH}` brings back the parameters of the last commit")
    if not isinstance(tree, dict):
        raise UserError(f"{path}: must be a mapping from sections to their parameters")
    if unknown := unknown_sections(tree, str(path)):
        raise UserError(unknown)
    return tree


@cache
def _tree(text: str) -> Any:
    return yaml_text.parse(text)


def unknown_sections(tree: dict[str, Any], source: str = PATH) -> str:
    """An error message with one line for each unknown section; empty if all are known."""
    return listed([_unknown(source, str(name), SECTIONS) for name in tree if name not in SECTIONS])


def listed(problems: Iterable[str]) -> str:
    """Problems, one a line, as much as fits a screen."""
    lines = [
        line if len(line) <= LINE else f"{line[:LINE]} ..." for text in problems for line in text.splitlines()
    ]
    more = [f"and {len(lines) - LINES:,} more"] if len(lines) > LINES else []
    return "\n".join(lines[:LINES] + more)


def parse(section: type[S], tree: dict[str, Any], source: str = PATH) -> S:
    """Check one section of parameters that are read already.

    Args:
        section: the class of the section.
        tree: all of params.yaml.
        source: name of the file, for messages.

    Raises:
        UserError: one line for each key that is unknown, missing or of the wrong type.
    """
    name = section.__name__.lower()
    if name not in tree:
        raise UserError(f"{source}: missing parameter `{name}`")
    try:
        checked = section.model_validate(tree[name])
    except ValidationError as error:
        raise UserError(listed(explain(error, section, source, name))) from None
    problems = list(_problems(checked, source, name))
    if problems:
        raise UserError(listed(problems))
    return checked


def _problems(section: Any, source: str, where: str) -> Iterator[str]:
    """Errors in the parameters of choices, in a section and the sections inside it."""
    if not isinstance(section, BaseModel):
        return
    for name in type(section).model_fields:
        yield from _problems(getattr(section, name), source, f"{where}.{name}")
    if not isinstance(section, Choosing):
        return
    extra, known = section.model_extra or {}, list(type(section).model_fields)
    owners = [name for choice in choices_of(type(section)) for name in choices.names(choice.package)]
    for name in extra:
        if name not in owners:
            yield _unknown(source, f"{where}.{name}", known)
    for name in section.selected():
        try:
            options = section.own(name)
        except ValidationError as error:
            yield from explain(error, _options_class(type(section), name), source, f"{where}.{name}")
        else:
            yield from _problems(options, source, f"{where}.{name}")


def _options_class(section: type[BaseModel], name: str) -> type[BaseModel]:
    return getattr(choices.load(_package(section, name), name), "Options", Section)


def _package(section: type[BaseModel], name: str) -> str:
    """The package of the choice `name`, one of those that the parameters of a section select from."""
    (package,) = [choice.package for choice in choices_of(section) if name in choices.names(choice.package)]
    return package


def choices_of(section: type[BaseModel]) -> list[Choice]:
    """The `Choice` of each parameter of a section that names choices."""
    return [choice for field in section.model_fields.values() if (choice := _choice(field))]


def _choice(field: Any) -> Choice | None:
    return next((mark for mark in field.metadata if isinstance(mark, Choice)), None)


def explain(error: ValidationError, section: type[BaseModel], source: str, where: str) -> list[str]:
    """One line for each problem: the file, the full name of the parameter, and what is allowed.

    Args:
        error: the error of the validation.
        section: the class that was validated.
        source: name of the file.
        where: the full name of the section.
    """
    return [_explain(source, where, problem, section) for problem in error.errors()]


def _explain(source: str, section: str, problem: Any, kind: type[BaseModel]) -> str:
    inside = [str(part) for part in problem["loc"]]
    name = ".".join([section, *inside])
    if problem["type"] == "extra_forbidden":
        return _unknown(source, name, _keys(kind, inside[:-1]))
    if problem["type"] == "missing":
        return f"{source}: missing parameter `{name}`"
    return f"{source}: parameter `{name}`: {problem['msg'].lower()}, got {SHORT.repr(problem['input'])}"


def _unknown(source: str, name: str, known: Any) -> str:
    return f"{source}: unknown parameter `{name}`; known here: {', '.join(known)}"


def _keys(section: type[BaseModel], where: list[str]) -> list[str]:
    """The names of the keys of the section at the path `where`, from the classes."""
    for part in where:
        field = section.model_fields.get(part)
        section = next(iter(_inside(field.annotation) if field else []), section)
    return list(section.model_fields)


def _inside(annotation: Any) -> list[type[BaseModel]]:
    """The section classes in the type of a field, such as `dict[str, Encoder | None]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [kind for argument in get_args(annotation) for kind in _inside(argument)]


def complete(section: type[Section], saved: Any) -> Any:
    """Saved parameters, with the keys that were added later, where `Section.before` gives their values.

    Args:
        section: the class of the section.
        saved: the parameters that were saved; anything but a mapping is returned unchanged.
    """
    if not isinstance(saved, dict):
        return saved
    completed = section.before | saved
    for name, field in section.model_fields.items():
        for kind in _inside(field.annotation):
            value = completed.get(name)
            if issubclass(kind, Section) and isinstance(value, dict):
                mapping = get_origin(field.annotation) is dict
                completed[name] = (
                    {key: complete(kind, part) for key, part in value.items()}
                    if mapping
                    else complete(kind, value)
                )
    return completed
