"""GroupLens's layouts, told apart by their files."""

from pathlib import Path

import pytest

from fusionrec.data.reading.dataset import SEPARATOR
from fusionrec.data.sources import movielens
from fusionrec.errors import UserError

from .options import EXTENSIONS, own, rows


def flags(*names: str) -> str:
    """19 of them, of which the first says "unknown"."""
    return "|".join(str(int(name in names)) for name in ["unknown", *movielens.GENRES])


def write_100k(root: Path) -> None:
    (root / "u.data").write_text("196\t242\t3\t881250949\n186\t1\t5\t891717742\n")
    lines = [
        f"1|Toy Story (1995)|01-Jan-1995||http://x|{flags('Animation', 'Comedy')}",
        f'242|"Misérables", Les (1998)|4-Feb-1998||http://y|{flags("Western")}',
        f"267|unknown||||{flags('unknown')}",
        f"268|Chasing Amy (1997)|some day||http://z|{flags('Action')}",
    ]
    (root / "u.item").write_text("\n".join(lines) + "\n", encoding="latin-1")


def test_ml_100k(tmp_path: Path) -> None:
    write_100k(tmp_path)
    (tmp_path / "posters").mkdir()
    (tmp_path / "posters/242.jpg").write_bytes(b"x")
    data = movielens.read(tmp_path, EXTENSIONS, own("movielens", images="posters"))
    assert rows(data.items) == {
        "row": [1, 2, 3, 4], "item_id": ["1", "242", "267", "268"],
        "title": ["Toy Story (1995)", '"Misérables", Les (1998)', "unknown", "Chasing Amy (1997)"],
        "category_genres": [f"Animation{SEPARATOR}Comedy", "Western", None, "Action"],
        "date_release_date": ["1995-01-01", "1998-02-04", None, "some day"],
        "description": [None] * 4,
    }  # fmt: skip
    assert rows(data.interactions) == {
        "row": [1, 2], "user_id": ["196", "186"], "item_id": ["242", "1"],
        "timestamp": ["881250949", "891717742"], "rating": ["3", "5"],
    }  # fmt: skip
    assert list(data.pictures) == [("242.jpg", b"x")]


def test_there_are_eighteen_genres_beside_unknown() -> None:
    assert len(movielens.GENRES) == 18 == len(set(movielens.GENRES)) and len(movielens.U_ITEM) == 24


@pytest.mark.parametrize("tagged", [True, False])
def test_ml_latest(tmp_path: Path, tagged: bool) -> None:
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,1,4.0,964982703\n")
    (tmp_path / "movies.csv").write_text(
        'movieId,title,genres\n1,Toy Story (1995),Adventure|Animation\n11,"American President, The",Drama\n'
        "12,None (2000),(no genres listed)\n",
        encoding="utf-8",
    )
    if tagged:
        (tmp_path / "tags.csv").write_text(
            "userId,movieId,tag,timestamp\n2,1,pixar,1\n3,1,pixar,2\n3,1,fun,2\n3,99,x,2\n3,11,,2\n"
        )
    data = movielens.read(tmp_path, EXTENSIONS, own("movielens"))
    expected = {
        "row": [1, 2, 3], "item_id": ["1", "11", "12"],
        "title": ["Toy Story (1995)", "American President, The", "None (2000)"],
        "category_genres": [f"Adventure{SEPARATOR}Animation", "Drama", None], "description": [None] * 3,
    }  # fmt: skip
    tags = {"category_tags": [f"fun{SEPARATOR}pixar", None, None]} if tagged else {}
    assert rows(data.items) == expected | tags
    assert data.items.dtypes.drop("row").astype(str).unique().tolist() == ["str"]
    assert rows(data.interactions)["rating"] == ["4.0"] and list(data.pictures) == []


def test_neither(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has neither u\.data nor ratings\.csv; set raw\.input"):
        movielens.read(tmp_path, EXTENSIONS, own("movielens"))
    (tmp_path / "u.data").touch()
    with pytest.raises(UserError, match=r"u\.data: no rows|u\.data: .*[Ee]mpty"):
        movielens.read(tmp_path, EXTENSIONS, own("movielens"))
    write_100k(tmp_path)
    (tmp_path / "u.item").unlink()
    with pytest.raises(UserError, match=r"u\.item: not found; set raw\.input"):
        movielens.read(tmp_path, EXTENSIONS, own("movielens"))
