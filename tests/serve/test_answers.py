"""What is served equals what the API says."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fusionrec.api import FusionRec
from fusionrec.errors import UserError
from fusionrec.recommend import rerank
from fusionrec.recommend.additions import Addition, Additions
from fusionrec.recommend.new_items import NewItem
from fusionrec.serve import options as limits
from fusionrec.serve.answers import Served
from fusionrec.serve.schemas import Info, Lists, ListsRequest, NewItemAnswer, NewItemRequest, Similar

from ..recommend import shop


@pytest.fixture(scope="module")
def served(pack: Path) -> Served:
    return Served(pack)


REQUESTS: list[dict[str, Any]] = [
    {"users": ["u3"], "k": 4},
    {"users": ["u3", "u0", "u3", "nobody"], "k": 12, "filter_seen": False},
    {"users": ["u0", "b"], "k": 3, "histories": {"b": ["i06", "?", "i07"], "u0": ["i11"], "other": ["i01"]}},
    {"users": ["u0"], "k": 12, "exclude": ["i05", "unheard of"], "category_limits": {"genres": 1}},
    {"users": ["u1", "u2"], "k": 5, "rerank": {"method": "mmr", "strength": 0.7, "max_candidates": 9}},
    {"users": ["u1"], "k": 2, "histories": {"u1": ["i00"]}, "rerank": {"method": "calibrated"}},
]


def by_api(open_shop: FusionRec, request: dict[str, Any]) -> list[dict[str, Any]]:
    asked = ListsRequest(**request)
    table = open_shop.recommend(
        asked.users,
        asked.k,
        histories=asked.histories,
        filter_seen=asked.filter_seen,
        exclude=asked.exclude,
        category_limits=asked.category_limits,
        rerank=asked.rerank.options(),
    )
    columns = ["rank", "item_id", "title", "score"]
    return [
        {"user_id": user, "basis": rows["basis"].iloc[0], "items": rows[columns].to_dict("records")}
        for user, rows in table.groupby("user_id", sort=False)
    ]


def same(served: Any, expected: Any) -> None:
    """Equal but for the last bits of scores."""
    if isinstance(expected, dict):
        assert served.keys() == expected.keys()
        for name, value in expected.items():
            same(served[name], value)
    elif isinstance(expected, list):
        assert len(served) == len(expected)
        for one, other in zip(served, expected, strict=True):
            same(one, other)
    elif isinstance(expected, float):
        assert served == pytest.approx(expected, abs=1e-6)
    else:
        assert served == expected


def test_lists_of_one_batch_equal_those_of_the_api(served: Served, open_shop: FusionRec) -> None:
    answers = served.lists([ListsRequest(**request) for request in REQUESTS])
    for answer, request in zip(answers, REQUESTS, strict=True):
        assert isinstance(answer, dict)
        Lists.model_validate(answer, strict=True)
        same(answer["lists"], by_api(open_shop, request))
        assert answer["unknown_items"] == sum("?" in given for given in request.get("histories", {}).values())


def test_a_request_that_cannot_be_answered_spoils_no_other(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rerank, "usable", lambda features: ["none"])
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"category_limits": {"director": 1}}, "director"),
        ({"rerank": {"method": "mmr"}}, "mmr needs"),
    ]
    for options, message in wrong:
        bad = ListsRequest(users=["u1"], **options)
        first, refused, last = served.lists([ListsRequest(**REQUESTS[0]), bad, ListsRequest(**REQUESTS[0])])
        assert isinstance(refused, UserError) and message in str(refused)
        assert first == last


@pytest.mark.parametrize("by", ["model", "vision", "language"])
def test_similar_items_equal_those_of_the_api(served: Served, open_shop: FusionRec, by: str) -> None:
    for item in ("i05", f"i{shop.WITHOUT_PICTURE:02}", "i11"):
        answer = served.similar(item, 12, by)
        Similar.model_validate(answer, strict=True)
        table = open_shop.similar_items([item], 12, by=by).rename(columns={"similar_item_id": "item_id "})
        assert [one["item_id"] for one in answer["items"]] == table["item_id "].tolist()
        np.testing.assert_allclose([one["cosine"] for one in answer["items"]], table["cosine"], atol=1e-6)
    with pytest.raises(KeyError):
        served.similar("xyz", 1, by)


def test_a_new_item_equals_that_of_the_api(
    served: Served, open_shop: FusionRec, monkeypatch: pytest.MonkeyPatch
) -> None:
    users, histories = ["u1", "nobody", "twin", "u4"], {"twin": ["i02", "i03"]}
    asked = NewItemRequest(title="a red boat", users=users, histories=histories, numbers={"year": 1990.0})
    answer = served.new_item(asked, shop.picture(0))
    NewItemAnswer.model_validate(answer, strict=True)
    table = open_shop.score_new_item(
        shop.picture(0), title="a red boat", numbers={"year": 1990}, users=users, histories=histories
    )
    rows = table.sort_values("rank", kind="stable", na_position="last")
    assert [one["user_id"] for one in answer["users"]] == rows["user_id"].tolist()
    assert [one["rank"] or 0 for one in answer["users"]] == rows["rank"].fillna(0).tolist()
    known = [one["score"] for one in answer["users"] if one["score"] is not None]
    np.testing.assert_allclose(known, rows["score"].dropna(), atol=1e-6)
    everybody = served.new_item(NewItemRequest(text="boat", k=3), None)
    assert everybody["ranked_for"] == shop.USERS and len(everybody["users"]) == 3
    monkeypatch.setattr(limits, "SCORES", 2 * shop.ITEMS)
    assert served.new_item(NewItemRequest(text="boat"), None)["ranked_for"] == 2


def test_an_item_of_the_catalogue_is_most_similar_to_itself(served: Served) -> None:
    """The last two items are cold: for the model they are new."""
    row = shop.items(shop.parameters()).iloc[10]
    same_item = NewItemRequest(
        title=row["title"],
        description=row["description"],
        categories={"genres": row["category_genres"]},
        numbers={"year": row["number_year"]},
    )
    first = served.new_item(same_item, shop.picture(10))["similar"][0]
    assert first["item_id"] == "i10" and first["cosine"] == pytest.approx(1, abs=1e-5)


def test_what_a_page_needs(served: Served) -> None:
    info = served.info(encoders=True)
    Info.model_validate(info, strict=True)
    assert info["categories"] == {"genres": ["comedy", "drama"]} and info["numbers"] == ["year"]
    assert (info["items"], info["users"], info["new_items"]) == (shop.ITEMS, shop.USERS, True)
    assert not served.info(encoders=False, additions=True)["additions"]
    assert not served.info(encoders=False)["new_items"]
    found = served.items("BOAT green", 1, 5)
    assert found["total"] == 2 and [one["item_id"] for one in found["items"]] == ["i10"]
    assert served.items("i03", 0, 5)["items"][0]["picture"] is False
    assert served.catalogue.picture("i03") is None and served.catalogue.picture("../../etc") is None
    picture = served.catalogue.picture("i05")
    assert picture is not None and picture[:2] == b"\xff\xd8"


def test_only_packed_models_are_served(built: Path) -> None:
    with pytest.raises(UserError, match="fusionrec pack"):
        Served(built / "model")


def test_which_added_items_join(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    additions, preparer = Additions(tmp_path), served.shop.preparer
    for item_id in ("n", "i03", "odd"):  # a new one, one of the catalogue, one that the model cannot use
        additions.add(item_id, NewItem(title="A boat"), preparer, served.name)
    inputs = additions.inputs

    def picky(one: Addition, *rest: Any) -> Any:
        if one.item_id == "odd":
            raise UserError("no such attribute")
        return inputs(one, *rest)

    monkeypatch.setattr(additions, "inputs", picky)
    grown = served.grown(additions)
    assert grown.engine.item_ids == [*served.engine.item_ids, "n"] and grown.catalogue.titles[-1] == "A boat"
    assert "'odd' is left out: no such attribute" in caplog.text
    monkeypatch.setattr(Served, "scores_new_items", False)
    assert served.grown(additions) is served and "does not score new items" in caplog.text
