"""How a history becomes a vector, against the formulas."""

import math

import pytest
import torch

from fusionrec.models.fusion.history import History

ITEMS, DIM = 7, 8
LATEST = torch.tensor([[3, -1, 2, 1, -1], [4, -1, -1, -1, -1], [-1, -1, -1, -1, -1]])
RANKS = [0, 1, 1, 2, 2]  # the buckets of ranks 1 to 5


@pytest.fixture(params=["sum", "attention"])
def pool(request, options) -> History:  # type: ignore[no-untyped-def]
    built = History(options.model_copy(update={"history": request.param}))
    draw = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for weight in built.parameters():
            weight.normal_(generator=draw)
    return built


@pytest.fixture
def vectors() -> torch.Tensor:
    return torch.randn(ITEMS, DIM, generator=torch.Generator().manual_seed(1))


def by_hand(pool: History, vectors: torch.Tensor, latest: list[int], timed: bool) -> torch.Tensor:
    """One user's vector, in plain loops."""
    found = [(item, pool.recency[rank].item() * timed) for item, rank in zip(latest, RANKS, strict=True)]
    found = [(item, recency) for item, recency in found if item >= 0]
    scale = math.sqrt(len(found) + 1)
    if not found:
        return torch.zeros(DIM)
    if pool.query is None:
        return sum((math.exp(recency) * vectors[item] for item, recency in found), torch.zeros(DIM)) / scale
    heads, width = len(pool.query), DIM // len(pool.query)
    result = torch.zeros(DIM)
    for head in range(heads):
        share = slice(head * width, (head + 1) * width)
        weights = [
            math.exp((pool.query[head] @ vectors[item]).item() / math.sqrt(DIM) + recency)
            for item, recency in found
        ]
        for (item, _), weight in zip(found, weights, strict=True):
            result[share] += weight / sum(weights) * vectors[item, share] * len(found) / scale
    return result


def test_attention_has_a_query_for_each_head(options) -> None:  # type: ignore[no-untyped-def]
    plain, attending = (
        History(options.model_copy(update={"history": kind})) for kind in ("sum", "attention")
    )
    assert plain.query is None and attending.query is not None
    assert attending.query.shape == (options.num_attention_heads, options.dim)


@pytest.mark.parametrize("timed", [True, False])
def test_a_history_equals_the_formula(pool: History, vectors: torch.Tensor, timed: bool) -> None:
    expected = torch.stack([by_hand(pool, vectors, row, timed) for row in LATEST.tolist()])
    torch.testing.assert_close(pool(vectors, LATEST, timed), expected)


def test_without_time_the_order_does_not_matter(pool: History, vectors: torch.Tensor) -> None:
    turned = LATEST[:, [4, 2, 0, 1, 3]]
    torch.testing.assert_close(pool(vectors, turned, timed=False), pool(vectors, LATEST, timed=False))
    assert not torch.allclose(pool(vectors, turned)[0], pool(vectors, LATEST)[0])


def test_attention_starts_as_the_sum(options, vectors: torch.Tensor) -> None:  # type: ignore[no-untyped-def]
    pools = [History(options.model_copy(update={"history": kind})) for kind in ("sum", "attention")]
    torch.testing.assert_close(pools[0](vectors, LATEST), pools[1](vectors, LATEST))


def test_longer_histories_give_larger_vectors(pool: History) -> None:
    same, pool = torch.ones(1, DIM), pool.requires_grad_(False)
    pool.reset()
    lengths = torch.tensor([[0, -1, -1, -1, -1], [0, 0, 0, -1, -1], [0, 0, 0, 0, 0]])
    norms = pool(same, lengths)[:, 0]
    assert norms.tolist() == pytest.approx([1 / math.sqrt(2), 3 / 2, 5 / math.sqrt(6)])


def test_gradients_reach_the_history_and_nothing_else(pool: History, vectors: torch.Tensor) -> None:
    vectors.requires_grad_()
    pool(vectors, LATEST).square().sum().backward()
    assert vectors.grad is not None
    assert vectors.grad.any(1).tolist() == [False, True, True, True, True, False, False]
    for name, weight in pool.named_parameters():
        assert weight.grad is not None and weight.grad.any(), name


def test_without_time_recency_learns_nothing(pool: History, vectors: torch.Tensor) -> None:
    pool(vectors, LATEST, timed=False).square().sum().backward()
    assert pool.recency.grad is not None and not pool.recency.grad.any()
