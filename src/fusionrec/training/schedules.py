"""Learning-rate schedules, as factors of the base rate."""

import math


def warmup_cosine(step: int, steps: int, warmup: float) -> float:
    """Linear warm-up over the first `warmup` share of `steps`, then a half cosine down to zero.

    Loshchilov and Hutter, "SGDR", ICLR 2017, without restarts.
    """
    rising = max(1, round(steps * warmup))
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))
