"""README.md and the pages beside it name every parameter."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
TREE: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SAID = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)


def leaves(tree: dict[str, Any]) -> set[str]:
    """Names of the parameters themselves, without those of their sections and of those that are searched."""
    names = set()
    for name, value in tree.items():
        names |= leaves(value) if isinstance(value, dict) else {name}
    return names


@pytest.mark.parametrize("section", sorted(TREE.keys() - {"encoders"}))
def test_every_parameter_is_explained(section: str) -> None:
    words = set(re.findall(r"\w+", SAID)) | set(re.findall(r"[\w-]+", SAID))
    assert leaves(TREE[section]) - words == set()


def test_every_registered_encoder_is_named() -> None:
    for kind in ("vision", "language"):
        for name in TREE["encoders"][kind]:
            assert f"`{name}`" in SAID, name
