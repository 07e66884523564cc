"""The examples in the docstrings of the metrics run."""

import doctest
import importlib
from pathlib import Path

import numpy as np
import pytest

from fusionrec import evaluation

MODULES = sorted(path.stem for path in Path(evaluation.__path__[0]).glob("[a-z]*.py"))
METRICS = ("accuracy", "catalogue", "diversity", "popularity", "prefixes", "serendipity", "significance")


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    module = importlib.import_module(f"fusionrec.evaluation.{name}")
    found = doctest.testmod(module, extraglobs={"np": np})
    assert not found.failed
    assert found.attempted or name not in METRICS, "a metric without an example"
