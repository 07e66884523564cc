"""Cleaning tables: every row is kept or rejected with a reason."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusionrec.data import cleaning
from fusionrec.data.clean_options import Clean
from fusionrec.errors import UserError


def options(**changes: Any) -> Clean:
    plain: dict[str, Any] = {
        "separators": ["|"], "strip_html": True, "fix_mojibake": True, "unicode": "NFKC", "lowercase": True,
        "text": ["{title}", "{tags}", "{description}"], "known_later": [], "known_before": [],
        "min_rating": None, "min_user_interactions": 0, "min_item_interactions": 0,
    }  # fmt: skip
    return Clean(**plain | changes)


def table(**columns: list[Any]) -> pd.DataFrame:
    frame = pd.DataFrame(columns, dtype="str")
    frame.insert(0, "row", np.arange(1, len(frame) + 1))
    return frame


def catalogue(ids: list[str | None], **columns: list[Any]) -> pd.DataFrame:
    nothing = [None] * len(ids)
    texts: dict[str, list[Any]] = {"item_id": ids, "title": nothing, "description": nothing}
    return table(**texts | columns)


def log(*rows: tuple[str | None, ...]) -> pd.DataFrame:
    names = ["user_id", "item_id", "timestamp", "rating"][: len(rows[0])]
    return table(**{name: list(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)})


def reasons(result: cleaning.Cleaned) -> list[tuple[int, str]]:
    return list(zip(result.rejected["row"], result.rejected["reason"], strict=True))


def test_items_are_typed_composed_and_sorted() -> None:
    items = catalogue(
        ["b", "a"],
        title=["<b>Big</b> Cat", None],
        description=["Purrs.", " "],
        category_genre=["Pets|CATS", None],
        number_price=["1.5", None],
    )
    clean = cleaning.clean(items, log(("u", "b", "1")), options())
    a, b = clean.items.to_dict("records")
    assert (a["item_id"], a["title"], a["text"], a["category_genre"]) == ("a", "", "", [])
    assert np.isnan(a["number_price"]) and b["number_price"] == 1.5
    assert (b["title"], b["description"]) == ("Big Cat", "Purrs.")
    assert b["text"] == "big cat. cats, pets. purrs." and b["category_genre"] == ["cats", "pets"]
    assert clean.counts["items"]["without_title"] == clean.counts["items"]["without_number_price"] == 1


def test_case_is_kept_on_request() -> None:
    items = catalogue(["a"], title=["Big Cat"], category_genre=["Pets"])
    clean = cleaning.clean(items, log(("u", "a", "1")), options(lowercase=False))
    assert clean.items["text"][0] == "Big Cat. Pets."


def test_bad_items_are_rejected_with_a_reason() -> None:
    items = catalogue(
        ["a", None, "a", " ", "c", "d", "e"], number_n=["1", "1", "2", "3", "many", "inf", "nan"]
    )
    clean = cleaning.clean(items, log(("u", "a", "1")), options())
    assert reasons(clean) == [
        (2, "missing_id"), (3, "duplicate_id"), (4, "missing_id"),
        (5, "bad_number_n"), (6, "bad_number_n"), (7, "bad_number_n"),
    ]  # fmt: skip
    assert clean.items["number_n"].tolist() == [1], "the first of two stays"
    assert clean.rejected["value"][3] == "many"
    assert clean.counts["items"]["in"] == 7 and clean.counts["items"]["kept"] == 1


def test_a_bad_first_row_leaves_the_id_to_a_good_second() -> None:
    items = catalogue(["a", "a"], number_n=["many", "2"])
    clean = cleaning.clean(items, log(("u", "a", "1")), options())
    assert clean.items["number_n"].tolist() == [2]


def test_bad_interactions_are_rejected_with_a_reason() -> None:
    rows = log(
        ("u", "a", "30"), (None, "a", "1"), ("u", None, "1"), ("u", "x", "1"), ("u", "b", "soon"),
        ("u", "b", "-1"), ("u", "b", None), ("u", "a", "20"), ("u", "b", "1600000000000"),
    )  # fmt: skip
    clean = cleaning.clean(catalogue(["a", "b"]), rows, options())
    assert reasons(clean) == [
        (1, "duplicate_pair"), (2, "missing_user_id"), (3, "missing_item_id"), (4, "unknown_item"),
        (5, "unreadable_timestamp"), (6, "timestamp_before_1970"), (7, "unreadable_timestamp"),
        (9, "timestamp_after_2099"),
    ]  # fmt: skip
    assert clean.interactions.to_dict("records") == [{"user_id": "u", "item_id": "a", "timestamp": 20}]
    assert clean.interactions["timestamp"].dtype == "int64"


def test_ratings() -> None:
    rows = log(("u", "a", "1", "4"), ("u", "b", "2", "3.5"), ("u", "c", "3", "good"), ("u", "d", "4", None))
    items = catalogue(list("abcd"))
    clean = cleaning.clean(items, rows, options(min_rating=4))
    assert clean.interactions["item_id"].tolist() == ["a"]
    assert reasons(clean) == [(2, "below_min_rating"), (3, "bad_rating"), (4, "bad_rating")]
    assert len(cleaning.clean(items, rows, options()).interactions) == 4, (
        "without a threshold all are choices"
    )
    with pytest.raises(UserError, match="no rating"):
        cleaning.clean(items, rows.drop(columns="rating"), options(min_rating=4))


def test_ids_that_cannot_be_ids() -> None:
    bad = ["nan", "\x00", "u" * 300, " "]
    rows = log(*((user, "a", "1") for user in ["u", *bad]), ("v", "nan", "1"))
    clean = cleaning.clean(catalogue(["a", "nan", "../../x"]), rows, options())
    assert clean.items["item_id"].tolist() == ["../../x", "a"], "an id never becomes a path"
    assert reasons(clean) == [
        (2, "placeholder_user_id"), (3, "control_character_in_user_id"), (4, "too_long_user_id"),
        (5, "missing_user_id"), (6, "unknown_item"), (2, "placeholder_id"),
    ]  # fmt: skip


def test_a_log_without_times_keeps_the_first_of_equal_pairs() -> None:
    rows = log(("v", "b", "9"), ("u", "a", "x"), ("v", "b", "1")).drop(columns="timestamp")
    items = catalogue(["a", "b"], number_model_2019=["1", "2"])
    clean = cleaning.clean(items, rows, options())
    assert clean.interactions["timestamp"].tolist() == [0, 0]
    assert reasons(clean) == [(3, "duplicate_pair")]


def test_items_that_are_only_written_differently_have_a_reason_of_their_own() -> None:
    rows = log(("u", "1", "1"), ("u", "2.0", "2"), ("u", "002", "3"), ("u", "3", "4"), ("u", " 1", "5"))
    clean = cleaning.clean(catalogue(["1", "2"]), rows, options())
    different = "item_id_written_differently"
    assert reasons(clean) == [(2, different), (3, different), (4, "unknown_item"), (5, different)]


def test_ids_may_be_categories() -> None:
    rows = log(("v", "b", "2"), ("u", "a", "1"), (None, "a", "3"))
    categories = rows.assign(
        user_id=rows["user_id"].astype("category"), item_id=pd.Categorical(rows["item_id"], ["b", "x", "a"])
    )
    for table in (rows, categories):
        clean = cleaning.clean(catalogue(["b", "a"]), table, options())
        assert clean.interactions["user_id"].tolist() == ["u", "v"]
        assert clean.interactions["item_id"].tolist() == ["a", "b"]
        assert clean.interactions["item_id"].cat.categories.tolist() == ["a", "b"], "unused ones are gone"


def test_dates_become_years() -> None:
    items = catalogue(["a", "b", "c"], date_release=["1995-01-01", None, "soon"])
    clean = cleaning.clean(items, log(("u", "a", "1")), options())
    assert clean.items["number_release"].tolist()[0] == 1995 and np.isnan(clean.items["number_release"][1])
    assert reasons(clean) == [(3, "bad_date_release")]


def test_numbers_that_leak_must_be_decided_about() -> None:
    items = catalogue(["a"], number_votes=["many"], number_year=["1999"])
    rows = log(("u", "a", "1000000000"))
    with pytest.raises(UserError, match=r"votes (?s:.*)clean\.known_later"):
        cleaning.clean(items, rows, options())
    dropped = cleaning.clean(items, rows, options(known_later=["votes"]))
    assert "number_votes" not in dropped.items, "and its bad values reject nothing"
    kept = cleaning.clean(items.assign(number_votes=["7"]), rows, options(known_before=["votes"]))
    assert kept.items["number_votes"].tolist() == [7]


def test_the_template_may_name_categories() -> None:
    items = catalogue(["a"], title=["Big Cat"], category_genre=["Pets|Wild"])
    rows = log(("u", "a", "1"))
    clean = cleaning.clean(items, rows, options(text=["Genres: {genre}", "{description}", "{title}"]))
    assert clean.items["text"][0] == "genres: pets, wild. big cat."
    with pytest.raises(UserError, match=r"clean\.text"):
        cleaning.clean(items, rows, options(text=["{genres}"]))


def test_core_is_filtered_to_a_fixed_point() -> None:
    # v leaves (one choice), so b is chosen once and leaves, so w is left with one choice and leaves
    rows = log(("u", "a", "1"), ("u", "c", "2"), ("v", "b", "3"), ("w", "b", "4"), ("w", "a", "5"),
               ("x", "a", "6"), ("x", "c", "7"))  # fmt: skip
    strict = options(min_user_interactions=2, min_item_interactions=2)
    clean = cleaning.clean(catalogue(list("abcd")), rows, strict)
    assert clean.items["item_id"].tolist() == ["a", "c"]
    assert clean.interactions["user_id"].unique().tolist() == ["u", "x"]
    assert clean.counts["items"]["rejected_below_min_item_interactions"] == 2
    assert clean.counts["interactions"]["rejected_below_min_user_interactions"] == 2
    assert clean.counts["interactions"]["rejected_below_min_item_interactions"] == 1


def test_items_without_interactions_stay_by_default() -> None:
    assert len(cleaning.clean(catalogue(list("ab")), log(("u", "a", "1")), options()).items) == 2


def test_nothing_left_names_the_thresholds() -> None:
    with pytest.raises(UserError, match=r"clean\.min_user_interactions"):
        cleaning.clean(catalogue(["a"]), log(("u", "a", "1")), options(min_user_interactions=2))


def test_a_huge_text_is_cut_and_counted() -> None:
    items = catalogue(["a", "b"], title=["x" * 200_000, "short"], category_tag=["y" * 50_001, None])
    clean = cleaning.clean(items, log(("u", "a", "1")), options())
    assert clean.items["title"].str.len().tolist() == [50_000, 5]
    counts = clean.counts["items"]
    assert (counts["cut_title"], counts["cut_description"], counts["cut_category_tag"]) == (1, 0, 1)


def test_what_the_source_refused_is_counted_by_table_and_reason() -> None:
    rejected = pd.DataFrame(
        {"table": ["items", "pictures", "items", "interactions"], "reason": ["a", "a", "a", "b"]}
    )
    assert cleaning.refused_before(rejected) == {"interactions_b": 1, "items_a": 2}
    assert cleaning.refused_before(rejected.iloc[:0]) == {}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([None, "u", "v", "w"]),
            st.sampled_from([None, "a", "b", "c", "x"]),
            st.sampled_from([None, "1", "2", "2020-01-01", "soon"]),
        ),
        min_size=1, max_size=40,
    ),
    st.integers(0, 3),
    st.integers(0, 3),
)  # fmt: skip
def test_every_row_is_kept_or_rejected_once(rows: list[Any], least_user: int, least_item: int) -> None:
    strict = options(min_user_interactions=least_user, min_item_interactions=least_item)
    try:
        clean = cleaning.clean(catalogue(list("abc")), log(*rows), strict)
    except UserError:
        return
    rejected = clean.rejected[clean.rejected["table"] == "interactions"]["row"]
    assert rejected.is_unique and len(rejected) + len(clean.interactions) == len(rows)
    assert clean.interactions["user_id"].value_counts().min() >= least_user
    assert (
        clean.interactions["item_id"].value_counts().reindex(clean.items["item_id"]).fillna(0) >= least_item
    ).all()
    assert clean.interactions["item_id"].isin(clean.items["item_id"]).all()


def test_a_rating_that_is_a_time_is_named() -> None:
    rows = log(("u", "a", "4", "1600000000"), ("u", "b", "5", "1600000001"))
    message = r"'rejected_rating_is_a_time': 2\}; the columns of rating and time are swapped"
    with pytest.raises(UserError, match=message):
        cleaning.clean(catalogue(list("ab")), rows, options(min_rating=4))


def test_the_days_of_the_first_and_the_last_interaction() -> None:
    rows = log(("u", "a", "86399", "4"), ("u", "b", "1600000001", "4"))
    counts = cleaning.clean(catalogue(list("ab")), rows, options()).counts["interactions"]
    assert (counts["first"], counts["last"]) == ("1970-01-01", "2020-09-13")
