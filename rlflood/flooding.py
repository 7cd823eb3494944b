"""The objectives: flooding, individual flooding, soft ascent-descent.

With ``g`` the gradient of a loss ``l`` and ``b`` its level, they replace ``g`` by

===========================  =============================================  ======================
objective                    gradient                                       acts on
===========================  =============================================  ======================
:func:`flood`                ``sign(l - b) * g``                            the mean of a batch
:func:`individual_flood`     ``sign(l - b) * g``, averaged over samples     each sample
:func:`soft_ascent_descent`  ``sigma * z / sqrt(1 + z**2) * g``, averaged   each sample
                             over samples, where ``z = (l - b) / sigma``
===========================  =============================================  ======================

so that training descends above the level and ascends below it. A loss exactly at its level has gradient 0
(the subgradient of the absolute value that PyTorch takes). Levels are constants: no gradient flows into them.

Where flooding goes in a training step matters:

- Differentiate what these functions return, not the loss that went in.
- Flood only what is trained on. Validation and test losses are the criterion's own.
- Gradient accumulation: flood the loss of the micro-batch first, divide by their number after.
  ``flood(loss / n, b)`` compares a loss that is ``n`` times smaller with the same level.
- Mixed precision: flood first, scale after (``scaler.scale(flood(loss, b)).backward()``); same reason.
- Several processes (DDP): each floods the loss of its own part of the batch, so one rank may ascend while
  another descends. That is flooding with the smaller batch, not flooding of the global mean. A scheduler
  that goes by a running mean (:class:`rlflood.holding.Hold`) takes it over all processes.
- A level that the loss never comes below changes nothing, without any sign of it.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["flood", "individual_flood", "soft_ascent_descent"]


def flood(loss: Tensor, level: float | Tensor, *, by: Tensor | None = None, ascent: float = 1.0) -> Tensor:
    """Flooding: ``|loss - level| + level``.

    Ishida et al., "Do We Need Zero Training Loss After Achieving Zero Training Error?", ICML 2020,
    on each mini-batch.

    That is ``level + s * (loss - level)``, where ``s`` is 1 above the level, -1 below it and 0 on it; ``by``
    and ``ascent`` make another ``s`` of it. See :class:`rlflood.holding.Hold`.

    A vector is taken for **one loss per replica**, networks trained side by side. The losses of the samples
    of one batch (a criterion with ``reduction="none"``) have the same shape but mean something else: flooding
    them one by one is :func:`individual_flood`. Take the mean over the batch before calling this function.

    Args:
        loss: mean loss of a mini-batch, shape ``()``; or of each replica's mini-batch, shape ``(replicas,)``.
        level: flood level in the units of the loss, for all or, of shape ``(replicas,)``, for each replica.
            0 leaves a loss that is never negative as it is. The values of a tensor are not looked at: they
            might have to be fetched from a device.
        by: What decides between descent and ascent instead of the loss: the mean of the last batches' losses,
            in the shape of ``loss``. No gradient flows into it.
        ascent: What a step up weighs, where a step down weighs 1.

    Returns:
        The flooded loss, in the shape and type of ``loss``; NaN where that is not finite. The sum of the
        replicas' flooded losses may be differentiated at once: no replica's gradient depends on another's
        loss or level.

    Raises:
        TypeError: if the loss is no tensor.
        ValueError: if the shapes do not fit, or a level that is a number is negative or not finite.

    >>> flood(torch.tensor([0.30, 0.05]), 0.1)
    tensor([0.3000, 0.1500])
    """
    check_tensor(loss)
    if loss.dim() > 1:
        raise ValueError(f"loss must have shape () or (replicas,), not {tuple(loss.shape)}.")
    level = _constant(level, loss, loss.shape)
    if not isinstance(level, Tensor):
        level = loss.new_full((), level)
    return turned(loss, level, (loss if by is None else by).detach() - level, ascent)


def turned(loss: Tensor, level: Tensor, above: Tensor, ascent: float) -> Tensor:
    """What :func:`flood` gives, of tensors that are known to fit: one operation to differentiate.

    Args:
        loss: See :func:`flood`.
        level: In the type and on the device of ``loss``, without a graph.
        above: How far above the level that lies which decides between descent and ascent, likewise.
        ascent: See :func:`flood`.
    """
    return torch.lerp(level, loss, _side(above, ascent))


def individual_flood(losses: Tensor, level: float | Tensor) -> Tensor:
    """Individual flooding (iFlood): the mean over the samples of ``|loss - level| + level``.

    Xie et al., "iFlood: A Stable and Effective Regularizer", ICLR 2022.

    Never below :func:`flood` of the mean, and equal to it if all samples lie on one side of the level.

    Args:
        losses: loss of each sample (a criterion with ``reduction="none"``), shape ``(samples,)`` or
            ``(replicas, samples)``.
        level: flood level, for all or, of shape ``(replicas,)``, for each replica.

    Returns:
        The objective, shape ``()`` or ``(replicas,)``.

    Raises:
        TypeError: if the loss is no tensor.
        ValueError: if the shapes do not fit.

    >>> individual_flood(torch.tensor([0.30, 0.05]), 0.1)
    tensor(0.2250)
    """
    level = _constant_of_samples(level, losses)
    return ((losses - level).abs() + level).mean(-1)


def soft_ascent_descent(
    losses: Tensor, level: float | Tensor, sigma: float = 1.0, eta: float = 1.0
) -> Tensor:
    """Soft ascent-descent (SoftAD): ``eta * level + sigma**2 * mean(rho((loss - level) / sigma))``.

    With ``rho(z) = sqrt(1 + z**2) - 1``; Holland & Nakatani, "Soft ascent-descent as a stable and flexible
    alternative to flooding", NeurIPS 2024.

    Each sample's gradient is weighted by ``sigma * z / sqrt(1 + z**2)`` with ``z = (loss - level) / sigma``.
    The weight passes smoothly through 0 at the level: it is ``loss - level`` near it, ``sigma`` far above and
    ``-sigma`` far below. So ``sigma`` rescales the step as well as the width of the transition; the gradient
    divided by ``sigma`` goes to that of individual flooding as ``sigma`` goes to 0.

    Args:
        losses: loss of each sample (a criterion with ``reduction="none"``), shape ``(samples,)`` or
            ``(replicas, samples)``.
        level: the threshold theta, for all or, of shape ``(replicas,)``, for each replica.
        sigma: width of the transition, in the units of the loss; positive.
        eta: weight of the level in the objective's value. The level being a constant, the gradient does not
            depend on it.

    Returns:
        The objective, shape ``()`` or ``(replicas,)``.

    Raises:
        TypeError: if the losses are no tensor.
        ValueError: if the shapes do not fit or ``sigma`` is not a positive number.

    >>> soft_ascent_descent(torch.tensor([0.30, 0.10]), 0.1, sigma=0.1)
    tensor(0.1062)
    """
    if not 0 < sigma < math.inf:
        raise ValueError(f"sigma must be positive and finite, not {sigma}.")
    level = _constant_of_samples(level, losses)
    gap = losses - level
    # sigma**2 * (sqrt(1 + z**2) - 1) without the cancellation that eats the digits of a small z
    penalty = gap.square() / (1 + (1 + (gap / sigma).square()).sqrt())
    return (eta * level + penalty).mean(-1)


def side_of(loss: Tensor, level: float | Tensor, ascent: float = 1.0) -> Tensor:
    """What a gradient is multiplied by: 1 where the loss is above the level, ``-ascent`` below, 0 on it."""
    return _side(loss.detach() - level, ascent)


def _side(above: Tensor, ascent: float) -> Tensor:
    sign = above.sign()
    return sign if ascent == 1 else functional.leaky_relu(sign, ascent, inplace=True)


def check_tensor(loss: object) -> None:
    """Raise a TypeError unless it is a tensor: nothing can be trained with the number of a loss."""
    if not isinstance(loss, Tensor):
        raise TypeError(
            f"give the loss as a tensor, which can be differentiated (not loss.item()): got {loss!r} of the "
            f"type {type(loss).__name__}"
        )


def _constant(level: float | Tensor, loss: Tensor, shape: torch.Size) -> float | Tensor:
    """``level`` in the type and on the device of ``loss``, without a graph, of shape () or ``shape``."""
    if not isinstance(level, Tensor):
        if not 0 <= level < math.inf:
            raise ValueError(f"level is {level}, but must be finite and not negative.")
        return level
    if level.dim() > 0 and level.shape != shape:
        raise ValueError(
            f"level has shape {tuple(level.shape)}, but a loss of shape {tuple(loss.shape)} "
            f"needs a level of shape () or {tuple(shape)}."
        )
    return level.detach().to(device=loss.device, dtype=loss.dtype)


def _constant_of_samples(level: float | Tensor, losses: Tensor) -> float | Tensor:
    """As :func:`_constant`, for losses whose last dimension is the samples."""
    check_tensor(losses)
    if losses.dim() not in (1, 2):
        shape = tuple(losses.shape)
        raise ValueError(f"losses must have shape (samples,) or (replicas, samples), not {shape}.")
    level = _constant(level, losses, losses.shape[:-1])
    return level.unsqueeze(-1) if isinstance(level, Tensor) and level.dim() else level
