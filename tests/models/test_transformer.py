"""The transformer: which places a place depends on, and its parts by hand."""

import pytest
import torch

from fusionrec.models.transformer import SelfAttention, Transformer

LENGTH, DIM = 4, 6


def drawn(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def transformer() -> Transformer:
    built = Transformer(DIM, 2, 2, 0.5)
    built.reset(drawn())
    return built


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(1, LENGTH, DIM, generator=drawn(2))


def test_a_place_depends_on_the_places_that_it_sees(transformer: Transformer, x: torch.Tensor) -> None:
    seen = torch.ones(LENGTH, LENGTH, dtype=torch.bool).tril()[None]
    before = transformer(x, seen)
    changed = x.clone()
    changed[0, 2] += 1
    same = (transformer(changed, seen) == before).all(2)[0]
    assert same.tolist() == [True, True, False, False]


def test_attention_by_hand(x: torch.Tensor) -> None:
    attention = SelfAttention(DIM, 1)
    with torch.no_grad():
        for layer in (attention.value, attention.out):
            layer.weight.copy_(torch.eye(DIM))
    seen = torch.tensor([[True, True, False, False]] * 3 + [[False] * 4])[None]
    result = attention(x, seen)
    torch.testing.assert_close(
        result[0, :3], x[0, :2].mean(0).expand(3, -1)
    )  # queries of zero: equal weights
    assert not result[0, 3].any(), "it sees nothing"


def test_dropout_is_drawn_from_the_given_generator(transformer: Transformer, x: torch.Tensor) -> None:
    seen = torch.ones(1, LENGTH, LENGTH, dtype=torch.bool)
    state = torch.random.get_rng_state()
    first, again, other = (transformer(x, seen, drawn(seed)) for seed in (3, 3, 4))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(transformer(x, seen), transformer(x, seen))
    assert torch.equal(torch.random.get_rng_state(), state)
