"""fusionrec check: what it prints and writes, and its exit status."""

import shutil
from pathlib import Path

import pytest

from fusionrec import sections
from fusionrec.cli import check
from fusionrec.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
ITEMS = "item_id,title,colour\n" + "".join(
    f"i{n},A thing of number {n},{'red' if n % 2 else 'blue'}\n" for n in range(12)
)
LOG = "user_id,item_id,timestamp\n" + "".join(
    f"u{user},i{(user * 5 + n * n) % 12},{1500000000 + user * 100 + n}\n"
    for user in range(8)
    for n in range(6)
)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "My shop!"
    folder.mkdir()
    (folder / "items.csv").write_text(ITEMS)
    (folder / "log.csv").write_text(LOG)
    return folder


def test_the_printed_line_runs_what_was_written(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = Path("params.yaml").read_bytes()
    check.main(["My shop!"])
    said = capsys.readouterr().out
    assert said.endswith("    cp params.My-shop.yaml params.yaml && dvc exp run -n My-shop\n")
    assert "raw.files.items: items.csv  (item_id holds another id in each row)" in said and "users: 8" in said
    assert Path("params.yaml").read_bytes() == before
    options = sections.load(Path("params.My-shop.yaml"))
    assert (options.raw.source, options.raw.input) == ("files", "My shop!")
    assert options.raw.own("files").columns.categories == ["colour"]


def test_overruled_guesses_and_another_name(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check.main(
        [
            "My shop!",
            "-S",
            "raw.files.columns.title=null",
            "--set",
            "clean.min_user_interactions=2",
            "--write",
            "x",
        ]
    )
    assert "cp x params.yaml" in capsys.readouterr().out
    options = sections.load(Path("x"))
    assert options.raw.own("files").columns.title is None and options.clean.min_user_interactions == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["nowhere"], "nowhere: no such folder"),
     (["My shop!", "-S", "raw.files.nothing=1"], "no parameter `raw.files.nothing`"),
     (["My shop!", "-S", "what"], "`what` is not parameter=value"),
     (["My shop!", "--write", "params.yaml"], "this is the file that is copied"),
     (["My shop!", "--write", "My shop!"], "this is a folder; name a file")],
)  # fmt: skip
def test_bad_arguments(shop: Path, arguments: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check.main(arguments)
    assert (shop / "items.csv").read_text() == ITEMS


def test_nothing_is_written_if_something_must_be_answered(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (shop / "items.csv").unlink()
    with pytest.raises(SystemExit) as stopped:
        check.main(["My shop!"])
    assert stopped.value.code == 1 and "Please say: No column of one table" in capsys.readouterr().out
    assert not list(Path().glob("params.M*"))


def test_a_wrong_value_of_a_parameter_is_one_line(shop: Path) -> None:
    with pytest.raises(UserError, match=r"clean\.min_user_interactions"):
        check.main(["My shop!", "-S", "clean.min_user_interactions=-1"])
