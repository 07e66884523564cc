"""Lists follow the rules, and streaming changes none."""

import numpy as np
import pytest

from fusionrec.api import PLAIN, FusionRec
from fusionrec.evaluation import catalogue_ranking
from fusionrec.recommend import lists, rerank
from fusionrec.recommend.lists import Rules
from fusionrec.recommend.rerank_options import Rerank

from . import shop


def rules(found: FusionRec, k: int, **changes: object) -> Rules:
    made = found.engine.rules(k, PLAIN)
    return made._replace(**changes)  # type: ignore[arg-type]


def streamed(found: FusionRec, made: Rules, users: np.ndarray, threads: int = 0) -> list[list[int]]:
    engine = found.engine
    features = None if made.rerank.method == "none" else engine.features
    asked = engine.requests([f"u{user}" for user in users])
    blocks = lists.stream(engine.model, engine.popularity, asked.rows, asked.past, made, features, threads)
    return [row for block in blocks for row in block.lists.items.tolist()]


def test_neither_blocks_nor_threads_nor_the_order_of_users_change_a_list(
    open_shop: FusionRec, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = np.array([3, 0, 9, 4, 1, 8, 2])
    whole = streamed(open_shop, rules(open_shop, 4), users)
    monkeypatch.setattr(lists, "USERS", 2)
    for threads in (0, 2):
        assert streamed(open_shop, rules(open_shop, 4), users, threads) == whole
    assert streamed(open_shop, rules(open_shop, 4), users[::-1]) == whole[::-1]


def test_places_and_basis(open_shop: FusionRec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "USERS", 2)
    engine = open_shop.engine
    asked = engine.requests(["u1", "nobody", "u0"])
    first, second = engine.blocks(asked, rules(open_shop, 2))
    assert first.positions.tolist() == [0, 1] and first.from_history.tolist() == [True, False]
    assert second.positions.tolist() == [2] and second.from_history.tolist() == [True]
    tables = [engine.table(asked, block).to_pylist() for block in (first, second)]
    assert [row["user_id"] for table in tables for row in table] == ["u1"] * 2 + ["nobody"] * 2 + ["u0"] * 2
    assert [row["rank"] for table in tables for row in table] == [1, 2] * 3
    assert tables[0][2]["score"] == 1 and tables[0][2]["basis"] == "popularity", "one user chose it"


def test_what_is_left_out_may_leave_fewer_or_nothing(open_shop: FusionRec) -> None:
    everything = np.arange(shop.ITEMS)
    assert streamed(open_shop, rules(open_shop, 3, excluded=everything), np.array([0])) == [[-1, -1, -1]]
    (found,) = streamed(open_shop, rules(open_shop, 3, excluded=everything[4:]), np.array([0]))
    assert set(found) == {2, 3, -1}, "0 and 1 are seen"
    asked = open_shop.engine.requests(["u0"])
    nothing = rules(open_shop, 3, excluded=everything)
    assert sum(table.num_rows for table in open_shop.engine.tables(asked, nothing)) == 0


@pytest.mark.parametrize("method", ["weighted", "mmr", "dpp", "calibrated"])
def test_the_best_candidates_are_reranked(open_shop: FusionRec, method: str) -> None:
    engine, users = open_shop.engine, np.arange(shop.USERS)
    options = Rerank.model_validate({"method": method, "max_candidates": 6, "strength": 0.9, "novelty": 0})
    best = catalogue_ranking.top_k(engine.model, users, engine.split.past, 6)
    expected = rerank.rerank(best, engine.features, engine.split.past, users, 3, options)
    found = streamed(open_shop, rules(open_shop, 3, rerank=options), users)
    assert found == expected.items.tolist()
    weak = options.model_copy(update={"strength": 0.0})
    assert streamed(open_shop, rules(open_shop, 3, rerank=weak), users) == best.items[:, :3].tolist()


def test_a_limit_looks_beyond_the_first_k_and_keeps_the_order_of_reranking(open_shop: FusionRec) -> None:
    engine = open_shop.engine
    options = Rerank(method="mmr", max_candidates=8, strength=0.7, novelty=0)
    limited = engine.rules(3, options, category_limits={"genres": 1})
    best = catalogue_ranking.top_k(engine.model, np.array([2]), engine.split.past, 8)
    order = rerank.rerank(best, engine.features, engine.split.past, np.array([2]), 8, options).items[0]
    genres = shop.items(shop.parameters())["category_genres"]
    expected: list[int] = []
    for item in order.tolist():
        if len(expected) < 3 and not {g for e in expected for g in genres[e]} & {*genres[item]}:
            expected.append(item)
    assert streamed(open_shop, limited, np.array([2])) == [expected]
