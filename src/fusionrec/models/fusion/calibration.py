"""One scale for the scores of items with and without train interactions.

A model knows well how it scores items that it was trained on, and nothing of how it would score new ones. So train
items play new ones: in turn, a part of them gets scores s = w · f instead of their own, linear in what is predicted of
them from contents alone, f. The weights w make the distribution of a user's next choice over all items, the softmax of
the scores, as close as possible to the one with the items' own scores: they minimise the cross-entropy of the two, a
convex function. With a constant in f, new items together get the share of choices that such items have.
"""

import torch

PARTS = 5  # of the train items; one after the other plays new items
ROUNDS = 50  # of Newton's method; it takes about ten
DIGITS = 6  # of the weights that are kept, so that they do not depend on the last bits of sums


def weights(scores: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
    """The weights of features, float64 [f].

    Args:
        scores: float64 [users, items], of train items; -inf for those that are not ranked, such as the user's own.
        features: float64 [f, users, items], predicted from contents alone.
    """
    unit = features.square().mean((1, 2)).sqrt()
    unit = torch.where(unit > 0, unit, 1)
    features = features / unit[:, None, None]
    order = torch.randperm(scores.shape[1], generator=torch.Generator().manual_seed(0))
    expected, ranked = scores.softmax(1), scores.isfinite()
    found = torch.zeros(len(features), dtype=torch.float64)
    identity = torch.eye(len(features), dtype=torch.float64)
    for _ in range(ROUNDS):
        gradient, curvature = torch.zeros_like(found), identity * 1e-9 * scores.numel()
        for part in range(PARTS):
            some = order[part::PARTS]
            own = features[:, :, some] * ranked[:, some]
            played = scores.index_copy(
                1, some, torch.einsum("f,fui->ui", found, own).masked_fill(~ranked[:, some], -torch.inf)
            )
            share = played.softmax(1)[:, some]
            gradient += torch.einsum("fui,ui->f", own, share - expected[:, some])
            means = torch.einsum("fui,ui->fu", own, share)
            curvature = curvature + torch.einsum("fui,gui,ui->fg", own, own, share) - means @ means.T
        step = torch.linalg.solve(curvature, gradient).clamp(-3, 3)
        found = found - step
        if step.abs().max() < 1e-9:
            break
    return torch.tensor(
        [float(f"{value:.{DIGITS}g}") for value in (found / unit).tolist()], dtype=torch.float64
    )
