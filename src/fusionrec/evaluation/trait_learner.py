"""A learner who is told the demo's true traits and appeals, but learns tastes from histories as all recommenders do.

No recommender knows tastes as the oracle does: a history of some twenty choices does not say enough. What this learner
reaches is about what can be reached. A user's taste is the most probable one: choices are softmax(utility) over the
catalogue, as in the demo, and each weight of a taste has an exponential prior with the rate `RATE` (Goodman,
"Exponential Priors for Maximum Entropy Models", NAACL 2004). The demo draws weights from gamma distributions, whose
density has no maximum; priors closer to them scored alike.
"""

import numpy as np
import torch

from fusionrec.data.demo.demo_truth import Truth
from fusionrec.data.histories import Histories

RATE = 1.0
STEPS, STEP, BETAS = 60, 0.3, (0.9, 0.99)  # of Adam (Kingma and Ba, ICLR 2015), whose step falls to 0


class TraitLearner:
    """A `Recommender`.

    Args:
        truth: of which the tastes are not used.
        items: ids of the catalogue's rows.
    """

    def __init__(self, truth: Truth, items: list[str]):
        row = {name: i for i, name in enumerate(truth.items)}
        rows = [row[name] for name in items]
        self.traits, self.appeal = torch.from_numpy(truth.traits[rows]), torch.from_numpy(truth.appeal[rows])

    def score(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Recommender.score`."""
        return torch.addmm(self.appeal, self.tastes(users, past), self.traits.T)

    def tastes(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """float32 [n, trait values]: the most probable weights, at least 0, given the choices of n users."""
        row, item = (torch.from_numpy(x) for x in past.pairs(users))
        chosen = torch.zeros(len(users), self.traits.shape[1]).index_add_(0, row, self.traits[item])
        count = torch.from_numpy(past.count(users)).float()[:, None]
        taste = torch.full_like(chosen, 0.5)
        mean, square = (torch.zeros_like(chosen, dtype=torch.float64) for _ in BETAS)
        # by hand: torch's optimisers import the compiler, which takes over a second
        for step in range(1, STEPS + 1):
            expected = count * (torch.addmm(self.appeal, taste, self.traits.T).softmax(1) @ self.traits)
            gradient = (expected - chosen + RATE).double()  # float32 roots differ between CPUs
            mean.lerp_(gradient, 1 - BETAS[0])
            square.lerp_(gradient.square(), 1 - BETAS[1])
            root = (square / (1 - BETAS[1] ** step)).sqrt() + 1e-8
            rate = STEP * (1 - (step - 1) / STEPS)
            taste -= (rate * mean / (1 - BETAS[0] ** step) / root).float()
            taste.clamp_(min=0)
        return taste
