"""The objectives against hand-worked values, the closed form of their gradients, and finite differences."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd import gradcheck

from rlflood.flooding import flood, individual_flood, soft_ascent_descent
from rlflood.schedulers import ConstantFlood

PER_SAMPLE = [individual_flood, soft_ascent_descent]


def gradient(objective: Callable[[Tensor], Tensor], *losses: float) -> Tensor:
    """The gradient of the (summed) objective at ``losses``."""
    at = torch.tensor(losses, dtype=torch.float64, requires_grad=True)
    objective(at).sum().backward()
    assert at.grad is not None
    return at.grad


# flood


@pytest.mark.parametrize(("loss", "level", "expected"), [(0.5, 0.2, 0.5), (0.05, 0.2, 0.35), (0.2, 0.2, 0.2)])
def test_flood_mirrors_the_loss_at_the_level(loss: float, level: float, expected: float) -> None:
    torch.testing.assert_close(flood(torch.tensor(loss), level), torch.tensor(expected))


def test_flood_of_replicas_has_a_level_each() -> None:
    flooded = flood(torch.tensor([0.5, 0.05, 0.05]), torch.tensor([0.2, 0.2, 0.0]))
    torch.testing.assert_close(flooded, torch.tensor([0.5, 0.35, 0.05]))


def test_gradient_of_flood_is_the_sign_times_the_gradient_of_the_loss() -> None:
    for weight, level in [(0.4, 0.1), (0.4, 0.9)]:
        w = torch.tensor(weight, dtype=torch.float64, requires_grad=True)
        flood(3 * w**2, level).backward()  # d/dw = 6 w
        assert w.grad is not None
        assert w.grad.item() == pytest.approx((1 if 3 * weight**2 > level else -1) * 6 * weight)


@pytest.mark.parametrize("level", [0.2, torch.tensor(0.2), torch.full((3,), 0.2, dtype=torch.float64)])
def test_gradient_of_flood_at_finite_differences(level: float | Tensor) -> None:
    losses = torch.tensor([0.5, 0.05, 1.5], dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda x: flood(x, level), losses)


def test_no_gradient_at_the_level() -> None:
    assert gradient(lambda x: flood(x, 0.25), 0.25).item() == 0
    assert gradient(lambda x: individual_flood(x, 0.25), 0.25, 0.25).tolist() == [0, 0]
    assert gradient(lambda x: soft_ascent_descent(x, 0.25), 0.25, 0.25).tolist() == [0, 0]


@given(st.lists(st.floats(0, 1e6, width=32), min_size=1, max_size=5))
def test_flood_at_level_0_is_the_identity(losses: list[float]) -> None:
    loss = torch.tensor(losses)
    assert flood(loss, 0.0).equal(loss)
    assert flood(loss, torch.zeros(len(losses))).equal(loss)


@given(st.floats(0, 100), st.floats(0, 100))
def test_flood_never_lies_below_the_loss_or_the_level(loss: float, level: float) -> None:
    flooded = flood(torch.tensor(loss, dtype=torch.float64), level).item()
    assert flooded >= max(loss, level) - 1e-12


def test_no_replica_feels_another() -> None:
    """Each network's gradient is the one that it has alone, whatever the others' losses and levels are."""
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(4, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    x = torch.randn(4, 3, generator=generator, dtype=torch.float64)
    levels = torch.tensor([0.0, 0.2, 50.0, 1.0], dtype=torch.float64)
    flood((weights * x).sum(-1).square(), levels).sum().backward()
    assert weights.grad is not None
    for replica in range(4):
        alone = weights[replica].detach().clone().requires_grad_()
        flood((alone * x[replica]).sum().square(), levels[replica].item()).backward()
        torch.testing.assert_close(weights.grad[replica], alone.grad)

    poisoned = torch.tensor([0.1, torch.nan], requires_grad=True)
    flood(poisoned, 0.2)[0].backward()
    assert poisoned.grad is not None
    assert poisoned.grad.tolist() == [-1, 0]


def test_flooding_a_micro_batch_comes_before_the_division_for_accumulation() -> None:
    """The order that the module's documentation asks for: the other one ascends where it should descend."""
    level, parts = 0.3, 4
    assert gradient(lambda loss: flood(loss, level) / parts, 0.8).item() == 1 / parts
    assert gradient(lambda loss: flood(loss / parts, level), 0.8).item() == -1 / parts


@pytest.mark.parametrize("shape", [(2, 3), (1, 1)])
def test_flood_refuses_a_matrix(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=rf"not \({shape[0]}, {shape[1]}\)"):
        flood(torch.ones(shape), 0.1)


@pytest.mark.parametrize(("loss", "level"), [((), (3,)), ((2,), (3,)), ((3,), (1,)), ((), (1,))])
def test_flood_refuses_levels_that_do_not_fit(loss: tuple[int, ...], level: tuple[int, ...]) -> None:
    with pytest.raises(ValueError) as error:
        flood(torch.ones(loss), torch.ones(level))
    assert str(loss) in str(error.value)
    assert str(level) in str(error.value)


# individual flooding and soft ascent-descent


def test_individual_flood_by_hand() -> None:
    losses = torch.tensor([[0.5, 0.1], [0.5, 0.1]])
    assert individual_flood(losses[0], 0.2).item() == pytest.approx((0.5 + 0.3) / 2)
    per_replica = individual_flood(losses, torch.tensor([0.2, 0.0]))
    torch.testing.assert_close(per_replica, torch.tensor([0.4, 0.3]))


def test_gradient_of_individual_flood_is_a_sign_per_sample() -> None:
    assert gradient(lambda x: individual_flood(x, 0.2), 0.5, 0.1, 0.9, 0.2).tolist() == [0.25, -0.25, 0.25, 0]


@given(st.lists(st.floats(0, 10), min_size=1, max_size=8), st.floats(0, 10))
def test_individual_flood_against_flood_of_the_mean(losses: list[float], level: float) -> None:
    samples = torch.tensor(losses, dtype=torch.float64)
    individual, of_mean = individual_flood(samples, level).item(), flood(samples.mean(), level).item()
    assert individual >= of_mean - 1e-9
    if min(losses) >= level or max(losses) <= level:
        assert individual == pytest.approx(of_mean, abs=1e-9)


@given(
    st.lists(st.floats(0, 10), min_size=1, max_size=8), st.floats(0, 10), st.floats(0.05, 5), st.floats(0, 3)
)
def test_soft_ascent_descent_as_the_paper_writes_it(
    losses: list[float], level: float, sigma: float, eta: float
) -> None:
    samples = torch.tensor(losses, dtype=torch.float64)
    rho = torch.sqrt(1 + ((samples - level) / sigma) ** 2) - 1
    expected = eta * level + sigma**2 * rho.mean()
    torch.testing.assert_close(
        soft_ascent_descent(samples, level, sigma, eta), expected, rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize("sigma", [0.1, 1.0, 4.0])
def test_gradient_of_soft_ascent_descent_in_closed_form(sigma: float) -> None:
    losses, level = (0.01, 0.2, 0.7, 9.0), 0.4
    z = (torch.tensor(losses, dtype=torch.float64) - level) / sigma
    expected = sigma * z / torch.sqrt(1 + z**2) / len(losses)
    torch.testing.assert_close(gradient(lambda x: soft_ascent_descent(x, level, sigma), *losses), expected)


def test_soft_ascent_descent_hardens_into_individual_flooding() -> None:
    losses, level, sigma = (0.01, 0.2, 0.7, 9.0), 0.4, 1e-6
    soft = gradient(lambda x: soft_ascent_descent(x, level, sigma), *losses) / sigma
    torch.testing.assert_close(soft, gradient(lambda x: individual_flood(x, level), *losses))


def test_soft_ascent_descent_keeps_its_digits_near_the_level() -> None:
    """In float32, sqrt(1 + z**2) - 1 is 0 for z = 1e-4; the objective is half the squared distance there."""
    value = soft_ascent_descent(torch.tensor([1e-4]), 0.0, sigma=1.0)
    assert value.item() == pytest.approx(0.5e-8, rel=1e-4)


@pytest.mark.parametrize("sigma", [0.0, -1.0, float("nan"), float("inf")])
def test_soft_ascent_descent_refuses_a_sigma_that_is_no_width(sigma: float) -> None:
    with pytest.raises(ValueError, match="sigma must be positive"):
        soft_ascent_descent(torch.ones(2), 0.1, sigma)


@pytest.mark.parametrize("objective", PER_SAMPLE)
def test_gradients_of_samples_at_finite_differences(objective: Callable[..., Tensor]) -> None:
    losses = torch.tensor([[0.5, 0.05, 1.5], [0.1, 0.9, 0.3]], dtype=torch.float64, requires_grad=True)
    levels = torch.tensor([0.2, 0.4], dtype=torch.float64)
    assert gradcheck(lambda x: objective(x, levels), losses)
    assert gradcheck(lambda x: objective(x, 0.2), losses)


@pytest.mark.parametrize("objective", PER_SAMPLE)
def test_replicas_of_samples_are_separate(objective: Callable[..., Tensor]) -> None:
    losses, levels = torch.tensor([[0.5, 0.1, 0.3], [2.0, 0.0, 0.1]]), torch.tensor([0.2, 0.7])
    together = objective(losses, levels)
    alone = [objective(row, level.item()) for row, level in zip(losses, levels, strict=True)]
    torch.testing.assert_close(together, torch.stack(alone))


@pytest.mark.parametrize("objective", PER_SAMPLE)
@pytest.mark.parametrize(
    ("losses", "level"), [((4,), (4,)), ((2, 4), (4,)), ((2, 4), (2, 4)), ((), ()), ((1, 2, 3), ())]
)
def test_shapes_of_samples_that_do_not_fit(
    objective: Callable[..., Tensor], losses: tuple[int, ...], level: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match="shape") as error:
        objective(torch.ones(losses), torch.ones(level))
    assert str(losses) in str(error.value)


# all of them


@pytest.mark.parametrize("objective", [flood, *PER_SAMPLE])
def test_the_level_is_a_constant(objective: Callable[..., Tensor]) -> None:
    level = torch.tensor(0.3, requires_grad=True)
    losses = torch.tensor([0.5, 0.1], requires_grad=True)
    objective(losses, level).sum().backward()
    assert level.grad is None
    assert losses.grad is not None


@pytest.mark.parametrize("objective", [flood, *PER_SAMPLE])
def test_a_level_means_the_same_as_a_number_and_as_a_tensor(objective: Callable[..., Tensor]) -> None:
    losses = torch.tensor([0.5, 0.1])
    expected = objective(losses, 0.3)
    assert objective(losses, torch.tensor(0.3)).equal(expected)
    assert objective(losses, torch.tensor(0.3, dtype=torch.float64)).equal(expected)


@pytest.mark.parametrize("objective", [flood, *PER_SAMPLE])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_the_result_has_the_type_of_the_loss(objective: Callable[..., Tensor], dtype: torch.dtype) -> None:
    losses = torch.tensor([0.5, 0.1], dtype=dtype)
    assert objective(losses, torch.tensor(0.3)).dtype == dtype
    assert objective(losses, 0.3).dtype == dtype


@pytest.mark.parametrize("number", [0.5, 1, np.float64(0.5), np.array([0.5, 0.2]), [0.5], None])
@pytest.mark.parametrize(
    "function", [flood, individual_flood, soft_ascent_descent, ConstantFlood(0.1).__call__]
)
def test_the_number_of_a_loss_is_refused_with_what_to_give(
    function: Callable[..., Tensor], number: object
) -> None:
    with pytest.raises(TypeError, match=r"give the loss as a tensor, .* \(not loss\.item\(\)\)"):
        function(number) if function.__name__ == "__call__" else function(number, 0.1)


@pytest.mark.parametrize("level", [-0.1, float("nan"), float("inf")])
def test_a_level_that_cannot_be_is_refused(level: float) -> None:
    for objective in (flood, individual_flood, soft_ascent_descent):
        with pytest.raises(ValueError, match="finite and not negative"):
            objective(torch.ones(3), level)
