"""`fusionrec recommend` on a tiny split, in process."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import torch

from fusionrec import files
from fusionrec.cli import recommend
from fusionrec.errors import UserError

from ..command import fusionrec
from ..stages.workspace import build, run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("recommend"))


@pytest.fixture(autouse=True)
def inside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(folder)
    yield
    torch.use_deterministic_algorithms(False)


def hashes(folder: Path) -> dict[str, str]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def ask(folder: Path, *arguments: str) -> pd.DataFrame:
    """The lists, which must be the only file that the command leaves."""
    before, output = hashes(folder), folder / "answer.parquet"
    recommend.main(["--output", "answer.parquet", *arguments])
    answer = files.read_table(output)
    output.unlink()
    assert hashes(folder) == before
    return answer


def test_users_are_named_listed_or_drawn(folder: Path, tmp_path: Path) -> None:
    everybody = ask(folder, "--all-users")
    assert everybody["user_id"].nunique() == 6
    by_name = ask(folder, "--users", "u5", "u1", "u5", "--top-k", "2")
    assert by_name["user_id"].tolist() == ["u5"] * 2 + ["u1"] * 2
    same = everybody[(everybody["user_id"] == "u1") & (everybody["rank"] <= 2)]
    assert by_name[2:].reset_index(drop=True).equals(same.reset_index(drop=True))
    (tmp_path / "users.txt").write_text("user_id\nu5\nu1\n")
    from_file = ask(folder, "--user-file", str(tmp_path / "users.txt"), "--top-k", "2")
    assert from_file.equals(by_name)
    assert ask(folder, "--sample-users", "2")["user_id"].nunique() == 2


def test_without_arguments_it_says_what_the_stage_says(folder: Path) -> None:
    run(folder, "recs")
    of_stage = files.read_table(folder / "data/recs/recommendations.parquet")
    pd.testing.assert_frame_equal(ask(folder), of_stage)  # up to rounding: this process has no pins


def test_unknown_users_get_lists_from_their_histories_or_popular_items(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "h.csv").write_text("user_id,item_id\nnew,i1\nnew,i2\nnew,gone\nother,i3\n")
    lists = ask(folder, "--users", "new", "nobody", "--histories", str(tmp_path / "h.csv"))
    assert "h.csv: 1 rows with items that are not in data/splits are ignored" in capsys.readouterr().out
    assert lists.groupby("user_id")["basis"].first().to_dict() == {"new": "history", "nobody": "popularity"}
    assert not {"i1", "i2"} & set(lists["item_id"][lists["user_id"] == "new"])
    asked = ask(folder, "--histories", str(tmp_path / "h.csv"))
    assert list(dict.fromkeys(asked["user_id"])) == ["new", "other"]


def test_exclusions_and_diversity(folder: Path, tmp_path: Path) -> None:
    plain = ask(folder, "--users", "u0", "--top-k", "9")
    assert len(plain) == 4, "five of nine items are known"
    (tmp_path / "items.txt").write_text(plain["item_id"][0])
    without = ask(folder, "--users", "u0", "--top-k", "9", "--exclude-file", str(tmp_path / "items.txt"))
    assert without["item_id"].tolist() == plain["item_id"][1:].tolist()
    diverse = ask(folder, "--users", "u0", "--top-k", "9", "--diversity", "1")
    assert set(diverse["item_id"]) == set(plain["item_id"])
    assert diverse["item_id"].tolist() != plain["item_id"].tolist()


def test_other_formats(tmp_path: Path) -> None:
    recommend.main(["--users", "u0", "nobody", "--output", str(tmp_path / "page.html")])
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "what is popular" in page and "<script" not in page
    recommend.main(["--users", "u0", "--output", str(tmp_path / "lists.csv")])
    assert pd.read_csv(tmp_path / "lists.csv")["user_id"].tolist() == ["u0"] * 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--users", "u1"], "the following arguments are required: --output"),
        (["--output", "x.parquet", "--diversity", "2"], "invalid share value"),
        (["--output", "x.parquet", "--top-k", "0"], "invalid positive value"),
    ],
)
def test_wrong_arguments(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        recommend.main(arguments)
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output", "x.txt", "--users", "u1"], "x.txt must end in .parquet, .csv or .html"),
        (["--output", "x.parquet", "--user-file", "gone"], "gone: not found"),
    ],
)
def test_requests_that_cannot_be_answered(arguments: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        recommend.main(arguments)


def test_as_a_command(folder: Path, tmp_path: Path) -> None:
    output = str(tmp_path / "lists.csv")
    said = fusionrec(folder, "recommend", "--users", "u0", "--output", output)
    assert said == f"3 recommendations for 1 users: {output}\n"
