"""The examples in the docstrings of the metrics run."""

import doctest
import importlib
from pathlib import Path

import numpy as np
import pytest

from fusionrec import evaluation

ROOT = Path(evaluation.__path__[0])
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in ROOT.rglob("*.py")
    if path.parent != ROOT or path.name != "__init__.py"
)
WITH_EXAMPLES = {"cutoffs", "intervals"} | {name for name in MODULES if name.startswith("metrics.")}


def test_all_modules_are_found() -> None:
    assert {"cutoffs", "metrics", "metrics.accuracy", "metrics.serendipity", "slices"} <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    module = importlib.import_module(f"fusionrec.evaluation.{name}")
    result = doctest.testmod(module, extraglobs={"np": np})
    assert not result.failed
    assert result.attempted or name not in WITH_EXAMPLES, "a metric without an example"
