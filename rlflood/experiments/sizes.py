"""What a task is like where its user has not said so."""

from collections.abc import Mapping
from typing import Any

from rlflood.data import Facts, load
from rlflood.data.synthetic import DEFAULT_TEST_SIZE
from rlflood.errors import InputError, did_you_mean
from rlflood.protocols import IMAGE_NETWORK, PROTOCOLS

SIZES = ("train_size", "val_size", "test_size")
SYNTHETIC = 100
"""Training and validation samples of a generator: those of Ishida et al. (2020)."""
MOST = 200
MOST_TEST = 5000


def default_sizes(
    facts: Facts,
    train_size: int | None,
    val_size: int | None,
    test_size: int | None,
    network: str = "mlp",
) -> dict[str, int]:
    """Fill in the sizes that are None; the keys are those of a :class:`~rlflood.training.Task`.

    A generator: 100 training, 100 validation and 20,000 test samples (Ishida et al. 2020). A data set of
    limited size: a third of it, up to 200, for training, the same for validation, and what is left, up to
    5,000, for testing. Where the network is one for images, all that there is, a fifth of it, without the
    official test set, for validation.
    """
    if network != "mlp" and facts.size is not None and facts.pool_size is not None:
        val = facts.pool_size // 5 if val_size is None else val_size
        train = facts.pool_size - val if train_size is None else train_size
        left = facts.size - facts.pool_size
        return {"train_size": train, "val_size": val, "test_size": left if test_size is None else test_size}
    # at least one: the source itself says what is wrong with a set that is too small
    share = SYNTHETIC if facts.size is None else max(1, min(MOST, facts.size // 3))
    train = share if train_size is None else train_size
    val = share if val_size is None else val_size
    left = DEFAULT_TEST_SIZE if facts.size is None else max(1, min(MOST_TEST, facts.size - train - val))
    return {"train_size": train, "val_size": val, "test_size": left if test_size is None else test_size}


def task_fields(protocol: str | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a task: those given; for the rest a protocol's, or how its kind of network is trained.

    Args:
        protocol: A name of :data:`rlflood.protocols.PROTOCOLS`, or None.
        given: Fields of a :class:`~rlflood.training.Task`.

    Raises:
        InputError: if there is no such protocol, neither protocol nor data are given, or the data cannot be
            loaded.
    """
    if protocol is not None and protocol not in PROTOCOLS:
        hint = did_you_mean(protocol, PROTOCOLS)
        raise InputError(f"there is no protocol {protocol!r}: {hint}There are {', '.join(PROTOCOLS)}")
    begun = {} if protocol is None else PROTOCOLS[protocol]
    if protocol is None and given.get("network", "mlp") != "mlp":
        begun = IMAGE_NETWORK
    fields = {**begun, **given}
    if "data" not in fields:
        raise InputError("give the data, such as --data digits, or a protocol, such as --protocol cifar10")
    source = load(fields["data"], target=fields.get("target"))
    return {**fields, **filled_sizes(source.facts, fields)}


def filled_sizes(facts: Facts, fields: Mapping[str, Any]) -> dict[str, int]:
    """The sizes among a task's fields, filled in by :func:`default_sizes`."""
    train, val, test = (fields.get(name) for name in SIZES)
    return default_sizes(facts, train, val, test, fields.get("network", "mlp"))
