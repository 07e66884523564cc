"""README.md and the pages beside it: generated parts are up to date, parameters are explained, links lead somewhere."""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from fusionrec import parameter_docs
from fusionrec.checking import report
from fusionrec.trees import flat

from . import pages, supplies
from .command import fusionrec
from .pages import PAGES, ROOT

TEXT = (ROOT / "params.yaml").read_text(encoding="utf-8")
TREE: dict[str, Any] = yaml.safe_load(TEXT)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def test_generated_parts_are_up_to_date() -> None:
    fusionrec(ROOT, "docs", "--check")


def leaves(node: yaml.Node, where: str) -> Iterator[str]:
    """Full names of all parameters in a section; a mapping on one line counts as one, and so does `search.space`."""
    if isinstance(node, yaml.MappingNode) and node.value and not node.flow_style and where != "search.space":
        for key, value in node.value:
            yield from leaves(value, f"{where}.{key.value}")
    else:
        yield where


def explained() -> set[str]:
    """The parameters on the generated page that have a meaning."""
    page = (ROOT / "docs/parameters.md").read_text(encoding="utf-8")
    rows = [re.split(r"(?<!\\) ?\| ?", line)[1:-1] for line in page.splitlines() if line.startswith("| `")]
    return {row[0].strip("`") for row in rows if len(row) == 4 and row[3]}


@pytest.mark.parametrize("section", sorted(TREE.keys() - {"encoders"}))
def test_every_parameter_is_explained_on_the_generated_page(section: str) -> None:
    root: Any = yaml.compose(TEXT)
    nodes = {key.value: value for key, value in root.value}
    names = explained()
    assert [name for name in leaves(nodes[section], section) if name not in names] == []


@pytest.mark.parametrize("kind", ["vision", "language"])
def test_every_registered_encoder_is_in_the_table(kind: str) -> None:
    page = (ROOT / "docs/encoders.md").read_text(encoding="utf-8")
    entries = {name for name, entry in TREE["encoders"][kind].items() if entry}
    assert set(re.findall(rf"^\| {kind} \| `([\w-]+)` \|", page, re.M)) == entries


@pytest.mark.parametrize("page", PAGES, ids=pages.name)
def test_links_lead_somewhere(page: Path) -> None:
    _, prose = pages.split(page)
    targets = LINK.findall("\n".join(line for _, line in prose))
    local = [target for target in targets if not target.startswith("http")]
    assert [target for target in local if not leads(page, target)] == []


def leads(page: Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    file = page.parent / path if path else page
    return file.exists() and (not anchor or anchor in anchors(file))


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    titles = [line.lstrip("# ") for _, line in pages.split(page)[1] if line.startswith("#")]
    slugs = [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]
    assert Counter(slugs).most_common(1)[0][1] == 1, f"{page}: two headings are alike"
    return set(slugs)


def test_no_page_lists_all_choices_of_a_package_by_hand() -> None:
    """A table that names every choice would have to be changed with each new one: it must be a generated block."""
    from fusionrec import choices

    packages = ["data.sources", "data.strategies", "models.zoo", "models.fusions", "training.losses"]
    for page in PAGES:
        if page.name != "parameters.md":
            by_hand = parameter_docs.BLOCK.sub("", page.read_text(encoding="utf-8"))
            rows = set(re.findall(r"^\| `(\w+)` \|", by_hand, re.M))
            for package in packages:
                assert not set(choices.names(f"fusionrec.{package}")) <= rows, f"{page.name}: {package}"


def test_the_example_is_what_check_guesses(tmp_path: Path) -> None:
    """The rows of both tables have the columns of the folder, and the parameters are the guesses for it."""
    blocks = [block for block in pages.split(ROOT / "README.md")[0] if block.section == "## Your own data"]
    rows = [next(csv.reader(block.lines)) for block in blocks if not block.language]
    assert rows == list(supplies.EXAMPLE)
    supplies.renamed(tmp_path)
    made = report.make(tmp_path, TREE, {})
    assert made.is_ready
    guessed = flat(report.merged(TREE, made.guess)) | {"raw.input": "path/to/folder"}
    (shown,) = [yaml.safe_load(block.text) for block in blocks if block.language == "yaml"]
    assert {name: guessed[name] for name in flat(shown)} == flat(shown)
