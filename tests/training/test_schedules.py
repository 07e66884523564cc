import pytest

from fusionrec.training.schedules import warmup_cosine


def test_rises_then_falls_to_zero() -> None:
    factors = [warmup_cosine(step, 100, 0.1) for step in range(101)]
    assert factors[:10] == pytest.approx([0.1 * i for i in range(1, 11)])
    assert factors[10] == 1 and factors[55] == pytest.approx(0.5) and factors[100] == pytest.approx(0)
    assert factors[10:] == sorted(factors[10:], reverse=True)


def test_without_warmup_the_first_step_counts() -> None:
    assert warmup_cosine(0, 10, 0.0) == 1
