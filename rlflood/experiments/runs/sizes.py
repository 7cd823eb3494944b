"""What a task is like where its user has not said so."""

from collections.abc import Mapping
from typing import Any

from rlflood.data import FILE_ENDINGS, Facts, facts_of, load
from rlflood.data.synthetic import DEFAULT_TEST_SIZE
from rlflood.errors import InputError, did_you_mean
from rlflood.protocols import IMAGE_NETWORK, PROTOCOLS

SIZES = ("train_size", "val_size", "test_size")
SYNTHETIC = 100
"""Training and validation samples of a generator: those of Ishida et al. (2020)."""
MOST = 200
MOST_TEST = 5000
MOST_VALIDATION = 10_000
FULL_BATCH = 1000
SAMPLES_OF_A_RUN = 2_000_000


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
    # it is about to be trained on, and its files may hold more or less than those that are known
    return {**fields, **filled_sizes(fields, load(fields["data"], **_read(fields)).facts)}


def filled_sizes(fields: Mapping[str, Any], facts: Facts | None = None) -> dict[str, int]:
    """What a task says of its sizes, filled in.

    By :func:`own_defaults` for a file, with how it is trained, by :func:`default_sizes` for other data.

    Args:
        fields: Those of a :class:`~rlflood.training.Task` that are given.
        facts: What is known of the data. Without them only a file whose sizes are not all given is opened.

    Raises:
        InputError: if there is no such data set, or the file cannot be learned from.
    """
    data = _read(fields)
    own = str(fields["data"]).lower().endswith(FILE_ENDINGS)
    told = all(fields.get(name) is not None for name in SIZES)
    if facts is None:
        facts = facts_of(fields["data"], **data)
    if own:
        if facts is None and not told:
            facts = load(fields["data"], **data).facts
        return own_defaults(None if facts is None else facts.size, fields)
    assert facts is not None  # it has a name
    train, val, test = (fields.get(name) for name in SIZES)
    return default_sizes(facts, train, val, test, fields.get("network", "mlp"))


def _read(fields: Mapping[str, Any]) -> dict[str, Any]:
    """How the data of a task are read."""
    given = {name: fields[name] for name in ("target", "keep", "encode") if name in fields}
    return {**given, "options": fields.get("data_options", {})}


def own_defaults(samples: int | None, fields: Mapping[str, Any]) -> dict[str, int]:
    """What a task on a person's own file does not say: sizes, and how many samples are trained on how often.

    A fifth of the samples, but of few a third, up to 200, is for validation (10,000 at most) and as much for
    testing; the others are trained on. Up to 1,000 of these are one batch, trained on in 200 epochs. More are
    divided into mini-batches of 128, or of as many as make 400 an epoch, but no more than 1,024; and from
    10,000 on there are fewer epochs, down to 20, so that a run sees about two million samples.

    A task with all of its sizes and epochs, such as one that a study has written down, is left as it is.

    Args:
        samples: How many the file has; None where all sizes are given, and nobody has to know.
        fields: Fields of a :class:`~rlflood.training.Task` that are given.
    """
    given = {name: value for name, value in fields.items() if value is not None}
    if {*SIZES, "epochs"} <= given.keys():
        return {name: given[name] for name in SIZES}
    # at least one: the source itself says what is wrong with a set that is too small
    if samples is None:
        samples = sum(given[name] for name in SIZES)
    share = max(1, samples // 5, min(MOST, samples // 3))
    val = given.get("val_size", min(share, MOST_VALIDATION))
    test = given.get("test_size")
    if "train_size" in given:
        train = given["train_size"]
        left = max(1, samples - train - val)
        test = left if test is None else test
    else:
        few = samples <= 3 * MOST
        train = share if few else max(1, samples - val - (share if test is None else test))
        test = max(1, samples - train - val) if test is None else test
    filled = {"train_size": train, "val_size": val, "test_size": test}
    if given.get("network", "mlp") == "mlp" and train > FULL_BATCH:
        batch = 128
        while batch < min(1024, train / 400):
            batch *= 2
        while train % batch == 1:  # a batch of one sample has no variance
            batch += 1
        filled |= {"batch_size": batch, "epochs": min(200, max(20, SAMPLES_OF_A_RUN // train))}
    return filled | {name: given[name] for name in ("batch_size", "epochs") if name in given}
