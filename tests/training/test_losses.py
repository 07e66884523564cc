"""Losses equal their formulas, written out in numpy or taken from another library."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss
from torch.multiprocessing.reductions import StorageWeakRef

from fusionrec.training import losses
from fusionrec.training.losses import Catalogue, Modalities, Pairs
from fusionrec.training.losses.bce import bce_loss
from fusionrec.training.losses.bpr import bpr_loss
from fusionrec.training.losses.contrastive import info_nce_loss
from fusionrec.training.losses.sampled_softmax import sampled_softmax_loss
from fusionrec.training.losses.softmax import chunked_softmax, softmax_loss

P, M = 7, 5
ACTIVATIONS = {"none": lambda x: x, "sigmoid": torch.sigmoid, "tanh": torch.tanh}
few = settings(max_examples=20, deadline=None)
SEEDS = st.integers(0, 2**32 - 1)


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def mask(seed: int = 0) -> torch.Tensor:
    """The first row has no negative."""
    valid = draw(P, M, seed=seed) > 0
    valid[0], valid[1] = False, True
    return valid


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def test_softmax_by_hand() -> None:
    logits = torch.tensor([[0.0, np.log(2), -np.inf], [0.0, 0.0, 0.0]])
    targets = torch.tensor([[1, 0], [2, -1]])
    expected = (-np.log(2 / 3) - np.log(1 / 3) - np.log(1 / 3)) / 3
    assert softmax_loss(logits, targets).item() == pytest.approx(expected)


@few
@given(SEEDS)
def test_softmax_is_cross_entropy(seed: int) -> None:
    logits, targets = draw(P, 9, seed=seed), draw(P, 3, seed=seed).mul(3).long().clamp(-1, 8)
    targets[0, 0] = 2
    row, column = (targets >= 0).nonzero(as_tuple=True)
    expected = F.cross_entropy(logits[row], targets[row, column])
    assert softmax_loss(logits, targets).item() == pytest.approx(expected.item())


def tower(weight: torch.Tensor, rows: slice) -> torch.Tensor:
    return (draw(10, 4)[rows] @ weight).masked_fill(torch.eye(10, 6, dtype=torch.bool)[rows], -torch.inf)


@pytest.mark.parametrize("chunk", [1, 3, 5, 9, 10, 11])
def test_chunks_change_neither_value_nor_gradient(chunk: int) -> None:
    targets = torch.tensor([[5, -1]] * 3 + [[1, 2]] * 7)
    targets[[1, 2, 8]] = -1
    weights = [draw(4, 6).requires_grad_() for _ in range(2)]
    whole = softmax_loss(tower(weights[0], slice(None)), targets)
    parts = chunked_softmax(lambda rows: tower(weights[1], rows), 10, targets, chunk)
    whole.backward()
    parts.backward()
    assert weights[0].grad is not None and weights[1].grad is not None
    torch.testing.assert_close(parts, whole)
    torch.testing.assert_close(weights[1].grad, weights[0].grad)
    if chunk >= 10:
        assert torch.equal(parts, whole) and torch.equal(weights[1].grad, weights[0].grad)


@pytest.mark.parametrize("chunk, kept", [(2, 0), (8, 1)])
def test_chunks_are_not_kept_for_the_backward_pass(chunk: int, kept: int) -> None:
    weight, alive = draw(4, 6).requires_grad_(), []

    def score(rows: slice) -> torch.Tensor:
        logits = torch.tanh(draw(8, 4)[rows] @ weight)  # whose backward needs its result
        alive.append(StorageWeakRef(logits.untyped_storage()))
        return logits

    loss = chunked_softmax(score, 8, torch.zeros(8, 1, dtype=torch.int64), chunk)
    assert sum(not each.expired() for each in alive) == kept
    loss.backward()


def test_sampled_softmax_by_formula() -> None:
    positive, negative, logq, negative_logq = draw(P), draw(P, M, seed=1), draw(P, seed=2), draw(P, M, seed=3)
    valid = mask()
    expected = 0.0
    for i in range(P):
        own = np.exp((positive[i] - logq[i]).numpy())
        others = np.exp((negative[i] - negative_logq[i]).numpy())[valid[i].numpy()].sum()
        expected -= np.log(own / (own + others)) / P
    loss = sampled_softmax_loss(positive, negative, logq, negative_logq, valid)
    assert loss.item() == pytest.approx(expected)


def test_sampled_softmax_with_every_item_once_is_softmax() -> None:
    """Each other item is expected, and found, once: log 1 = 0."""
    logits, target = draw(P, M + 1), torch.arange(P) % (M + 1)
    others = torch.stack([torch.tensor([j for j in range(M + 1) if j != t]) for t in target.tolist()])
    loss = sampled_softmax_loss(
        logits[range(P), target], logits.gather(1, others), torch.zeros(P), torch.zeros(P, M)
    )
    assert loss.item() == pytest.approx(F.cross_entropy(logits, target).item())


def test_the_correction_gives_the_gradient_of_the_full_softmax() -> None:
    """By any proposal, with many draws; without the correction it is another."""
    logits, share = draw(20).requires_grad_(), torch.softmax(draw(20, seed=1), 0)
    drawn = torch.multinomial(share, 500_000, replacement=True, generator=torch.Generator().manual_seed(0))
    logq = torch.log(share * len(drawn))
    expected = torch.softmax(logits.detach(), 0) - F.one_hot(torch.tensor(3), 20)

    def gradient(logq: torch.Tensor) -> torch.Tensor:
        loss = sampled_softmax_loss(logits[3:4], logits[drawn][None], logq[3:4], logq[drawn][None])
        return torch.autograd.grad(loss, logits)[0]

    torch.testing.assert_close(gradient(logq), expected, rtol=0, atol=5e-3)
    assert (gradient(torch.zeros(20)) - expected).abs().max() > 0.05


def test_a_constant_in_logq_cancels() -> None:
    scores, logq = (draw(P), draw(P, M, seed=1)), (draw(P, seed=2), draw(P, M, seed=3))
    one = sampled_softmax_loss(*scores, *logq)
    other = sampled_softmax_loss(*scores, logq[0] + 3, logq[1] + 3)
    assert one.item() == pytest.approx(other.item())


def test_bpr_by_formula() -> None:
    positive, negative, valid = draw(P), draw(P, M, seed=1), mask()
    pairs = -np.log(sigmoid((positive[:, None] - negative).numpy()))
    assert bpr_loss(positive, negative).item() == pytest.approx(pairs.mean())
    expected = sum(row[keep].mean() for row, keep in zip(pairs[1:], valid[1:].numpy(), strict=True)) / P
    assert bpr_loss(positive, negative, valid).item() == pytest.approx(expected)
    everything = torch.ones_like(valid)
    assert bpr_loss(positive, negative, everything).item() == pytest.approx(pairs.mean())


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_bce_is_log_loss(activation: str) -> None:
    positive, negative = (ACTIVATIONS[activation](x) for x in (draw(P), draw(P, M, seed=1)))
    probability = {
        "none": lambda x: sigmoid(x.numpy()),
        "sigmoid": lambda x: x.numpy(),
        "tanh": lambda x: (x.numpy() + 1) / 2,
    }[activation]
    scores = np.concatenate([probability(positive), probability(negative).ravel()])
    labels = np.arange(len(scores)) < P
    assert bce_loss(positive, negative, activation).item() == pytest.approx(log_loss(labels, scores))
    valid = mask()
    expected = 0.0
    for i in range(P):
        scores = np.concatenate([[probability(positive)[i]], probability(negative)[i][valid[i].numpy()]])
        expected += log_loss(np.arange(len(scores)) < 1, scores, labels=[False, True]) / P
    assert bce_loss(positive, negative, activation, valid).item() == pytest.approx(expected)


def test_bce_of_outputs_is_that_of_logits() -> None:
    positive, negative = draw(P), draw(P, M, seed=1)
    expected = bce_loss(positive, negative, "none").item()
    outputs = bce_loss(torch.sigmoid(positive), torch.sigmoid(negative), "sigmoid")
    halved = bce_loss(torch.tanh(positive / 2), torch.tanh(negative / 2), "tanh")
    assert outputs.item() == pytest.approx(expected)
    assert halved.item() == pytest.approx(expected), "(tanh(x / 2) + 1) / 2 = sigmoid(x)"


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_bce_stays_finite_when_saturated(activation: str, dtype: torch.dtype) -> None:
    extremes = torch.tensor([-200.0, 200.0], dtype=dtype).requires_grad_()
    scores = ACTIVATIONS[activation](extremes)
    loss = bce_loss(scores, scores.flip(0)[:, None], activation)
    loss.backward()
    assert extremes.grad is not None
    assert loss.isfinite() and loss > 20 and extremes.grad.isfinite().all()


def test_info_nce_by_formula() -> None:
    vision, language, temperature = draw(P, 3), draw(P, 3, seed=1), 0.2
    a, b = (x.numpy() / np.linalg.norm(x, axis=1, keepdims=True) for x in (vision, language))
    e = np.exp(a @ b.T / temperature)
    expected = -np.log(np.diag(e) / e.sum(1)).mean() / 2 - np.log(np.diag(e) / e.sum(0)).mean() / 2
    loss = info_nce_loss(vision, language, torch.tensor(temperature))
    assert loss.item() == pytest.approx(expected)
    swapped = info_nce_loss(language, vision, torch.tensor(temperature))
    assert swapped.item() == pytest.approx(expected)
    scaled = info_nce_loss(7 * vision, language, torch.tensor(temperature))
    assert scaled.item() == pytest.approx(expected)


def test_info_nce_of_two_items() -> None:
    same, temperature = torch.eye(2), torch.tensor(0.5)
    assert info_nce_loss(same, same, temperature).item() == pytest.approx(np.log(1 + np.exp(-1 / 0.5)))


@pytest.mark.parametrize("n", [0, 1])
def test_info_nce_has_nothing_to_tell_apart(n: int) -> None:
    inputs = [
        draw(n, 3).requires_grad_(),
        draw(n, 3, seed=1).requires_grad_(),
        torch.tensor(0.1).requires_grad_(),
    ]
    loss = info_nce_loss(*inputs)
    loss.backward()
    assert loss.item() == 0
    assert all(x.grad is not None and not x.grad.any() for x in inputs)


def test_gradients_by_differences() -> None:
    positive, negative = draw(P).requires_grad_(), draw(P, M, seed=1).requires_grad_()
    logq, valid = (draw(P, seed=2), draw(P, M, seed=3)), mask()
    check = torch.autograd.gradcheck
    assert check(lambda p, n: sampled_softmax_loss(p, n, *logq, valid), (positive, negative))
    assert check(lambda p, n: bpr_loss(p, n, valid), (positive, negative))
    for activation, function in ACTIVATIONS.items():
        assert check(lambda p, n: bce_loss(function(p), function(n), activation, valid), (positive, negative))  # noqa: B023
    temperature = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    pair = draw(P, 3).requires_grad_(), draw(P, 3, seed=1).requires_grad_()
    assert check(info_nce_loss, (*pair, temperature))
    logits, targets = draw(P, 4).requires_grad_(), torch.tensor([[0, 2], [3, -1]] + [[1, 1]] * (P - 2))
    assert check(lambda x: softmax_loss(x, targets), (logits,))


def ranking_losses(positive: torch.Tensor, negative: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    logits = torch.cat([positive[:, None], negative.masked_fill(~valid, -torch.inf)], 1)
    zero = torch.zeros_like(positive), torch.zeros_like(negative)
    losses = [
        softmax_loss(logits, torch.zeros(len(logits), 1, dtype=torch.int64)),
        sampled_softmax_loss(positive, negative, *zero, valid),
        bpr_loss(positive, negative, valid),
    ]
    losses += [bce_loss(f(positive), f(negative), name, valid) for name, f in ACTIVATIONS.items()]
    return torch.stack(losses)


@few
@given(SEEDS, st.integers(1, P - 1), st.floats(0.01, 2))
def test_losses_fall_when_a_target_rises_and_grow_when_a_negative_does(
    seed: int, row: int, by: float
) -> None:
    positive, negative, valid = draw(P, seed=seed), draw(P, M, seed=seed + 1), mask(seed + 2)
    valid[row, 0] = True
    losses = ranking_losses(positive, negative, valid)
    step = by * F.one_hot(torch.tensor(row), P)
    assert (ranking_losses(positive + step, negative, valid) < losses).all()
    higher = negative.clone()
    higher[row, 0] += by
    assert (ranking_losses(positive, higher, valid) > losses).all()


@few
@given(SEEDS, st.floats(-5, 5))
def test_an_invalid_negative_has_no_influence(seed: int, value: float) -> None:
    positive, negative, valid = draw(P, seed=seed), draw(P, M, seed=seed + 1), mask(seed + 2)
    changed = negative.masked_fill(~valid, value)
    losses, others = ranking_losses(positive, negative, valid), ranking_losses(positive, changed, valid)
    assert torch.equal(losses, others)


def test_the_mean_is_over_targets() -> None:
    """So that parts of a batch combine by their numbers of targets, whatever is valid in them."""
    positive, negative, valid = draw(P), draw(P, M, seed=1), mask()
    parts = [
        ranking_losses(positive[s], negative[s], valid[s]) * len(positive[s]) for s in (slice(2), slice(2, P))
    ]
    torch.testing.assert_close(sum(parts) / P, ranking_losses(positive, negative, valid))


def test_half_precision_is_raised() -> None:
    positive, negative = draw(P).bfloat16(), draw(P, M, seed=1).bfloat16()
    low = ranking_losses(positive, negative, mask())
    assert low.dtype == torch.float32
    # activations come before the losses, in half precision here
    torch.testing.assert_close(low[:4], ranking_losses(positive.float(), negative.float(), mask())[:4])


class Step:
    """A step in which each part has other numbers."""

    targets = torch.tensor([[0, 2], [1, -1]])

    def pairs(self) -> Pairs:
        return Pairs(draw(P), draw(P, M, seed=1), mask(), draw(P, seed=2), draw(P, M, seed=3))

    def catalogue(self) -> Catalogue:
        return Catalogue(lambda rows: draw(2, 4)[rows], 2, self.targets, 1)

    def modalities(self) -> Modalities:
        pictures, texts, sounds = (draw(P, 3, seed=seed) for seed in range(3))
        return Modalities([(pictures, texts), (pictures, sounds)], torch.tensor(0.3))

    def probability(self, logits: torch.Tensor) -> tuple[torch.Tensor, str]:
        return torch.tanh(logits), "tanh"


def test_each_loss_reads_its_part_of_a_step() -> None:
    step = Step()
    positive, negative, valid, of_targets, of_negatives = step.pairs()
    pairs, temperature = step.modalities()
    hit, miss = torch.tanh(positive.float()), torch.tanh(negative.float())
    expected = {
        "bce": bce_loss(hit, miss, "tanh", valid),
        "bpr": bpr_loss(positive, negative, valid),
        "sampled_softmax": sampled_softmax_loss(positive, negative, of_targets, of_negatives, valid),
        "softmax": softmax_loss(draw(2, 4), step.targets),
        "contrastive": torch.stack([info_nce_loss(*pair, temperature) for pair in pairs]).mean(),
    }
    found = {name: losses.load(name).loss(step).item() for name in expected}
    assert found == pytest.approx({name: loss.item() for name, loss in expected.items()})
