"""A task: one learning problem, fully specified but for its seeds."""

import math
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from rlflood import data
from rlflood.data import Source, Splits
from rlflood.errors import InputError
from rlflood.strengths import CriterionName, checked_strength

Width = Annotated[int, Field(gt=0)]
Share = Annotated[float, Field(gt=0, lt=1)]
Network = Literal["mlp", "cnn", "resnet18", "resnet20", "resnet32", "resnet44", "resnet56", "resnet110"]
OF_MLPS = ("hidden", "batch_norm", "dropout")
"""Fields that networks of images do without."""
_RARE = ("keep", "encode", "joined", "criterion", "strength", "lr_cosine")


class Task(BaseModel):
    """Data, label noise, split sizes, network, optimizer and epochs of one learning problem.

    What is random about it is drawn from two seeds given apart: the *data seed* (samples, label noise,
    splits) and the *network seed* (initialisation, batch order, dropout). The same task and data seed
    give the same data whatever the network seed.

    Attributes:
        data: A name that ``rlflood list`` shows, a ``.npz``, a ``.csv`` or a ``.parquet`` file.
        data_options: Options of a generator, such as ``{"noise": 1.0}`` for the spiral.
        target: The label column of a ``.csv`` or ``.parquet`` file.
        keep: Columns of a file that are features although they seem to count its rows or to name them.
        encode: Make features of a file's columns of text, truth values and dates.
        label_noise: Share of the labels moved to another class, exact in each split.
        train_size: Training samples.
        val_size: Validation samples.
        test_size: Test samples; ``None`` is all that are left (20,000 for a generator).
        joined: Train on the validation samples too, with their labels as they are: for what needs no
            validation split. Validation metrics are then of samples that were trained on.
        network: ``mlp``, a multilayer perceptron as the next three say, or a network for images: ``cnn`` (two
            convolutions), ``resnet20`` to ``resnet110`` (the kind for CIFAR), ``resnet18`` (torchvision's).
        hidden: Width of each hidden layer.
        batch_norm: Batch normalisation before each ReLU.
        dropout: Probability of each hidden unit to be dropped in training, after each ReLU.
        criterion: What is trained: ``cross-entropy``; ``gce``, ``sce``, ``elr``, ``mixup`` or ``sam``, which
            are to withstand wrong labels; or ``label-smoothing``. Levels are compared with the cross-entropy,
            and metrics are made of it, all the same.
        strength: The criterion's one number; ``None`` is the one that its paper has.
        optimizer: ``adam``, ``adamw`` or ``sgd`` (with ``momentum``).
        learning_rate: Of the optimizer, at the start of the run.
        momentum: Of ``sgd``.
        weight_decay: Of the optimizer.
        lr_milestones: Shares of the run, rising, after each of which the learning rate is multiplied by
            ``lr_gamma``: 0.5 is after half of the epochs.
        lr_gamma: See ``lr_milestones``.
        lr_cosine: Let the learning rate fall to 0 over the run, along half a cosine (Loshchilov and Hutter,
            ICLR 2017, without restarts), by the epoch.
        clip_norm: The most that the norm of a batch's gradient may be; ``None`` leaves it as it is. For image
            networks.
        augmentation: What is done to training images: ``none``, ``crop`` (padded by 4 pixels of the channel's
            mean and cropped at random) or ``crop-flip`` (that, and mirrored left to right half of the time).
        batch_size: Samples in a mini-batch; ``None`` is the full batch.
        epochs: Passes over the training split, the budget of one run.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    data: str = "two-gaussians"
    data_options: dict[str, int | float | str] = Field(default_factory=dict)
    target: str | None = None
    keep: tuple[str, ...] = ()
    encode: bool = False
    label_noise: float = Field(0.0, ge=0, lt=1)
    train_size: PositiveInt = 100
    val_size: PositiveInt = 100
    test_size: PositiveInt | None = None
    joined: bool = False
    network: Network = "mlp"
    hidden: tuple[Width, ...] = (100, 100, 100)
    batch_norm: bool = False
    dropout: float = Field(0.0, ge=0, lt=1)
    criterion: CriterionName = "cross-entropy"
    strength: float | None = None
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    learning_rate: PositiveFloat = 1e-3
    momentum: float = Field(0.9, ge=0, lt=1)
    weight_decay: float = Field(0.0, ge=0)
    lr_milestones: tuple[Share, ...] = ()
    lr_gamma: PositiveFloat = 0.1
    lr_cosine: bool = False
    clip_norm: PositiveFloat | None = None
    augmentation: Literal["none", "crop", "crop-flip"] = "none"
    batch_size: PositiveInt | None = None
    epochs: PositiveInt = 200

    @model_validator(mode="after")
    def _batches_have_a_variance(self) -> "Task":
        # else torch says so in the last mini-batch of the first epoch, in words about channels
        samples = self.train_samples
        size = min(self.batch_size or samples, samples)
        if self.batch_norm and 1 in (size, samples % size):
            raise ValueError(
                "batch normalisation needs two samples or more in every mini-batch: "
                f"{samples} in batches of {size} leave one alone; change train_size or batch_size"
            )
        return self

    @model_validator(mode="after")
    def _strength_fits_the_criterion(self) -> "Task":
        checked_strength(self.criterion, self.strength)
        return self

    @model_validator(mode="after")
    def _fields_fit_the_network(self) -> "Task":
        if self.network == "mlp":
            wrong = [] if self.clip_norm is None else ["clip_norm"]
            wrong += [] if self.augmentation == "none" else ["augmentation"]
            if wrong:
                raise ValueError(
                    f"{' and '.join(wrong)} are for networks of images: leave out, or change network"
                )
        else:
            fields = type(self).model_fields
            wrong = [name for name in OF_MLPS if getattr(self, name) != fields[name].default]
            if wrong:
                raise ValueError(
                    f"{' and '.join(wrong)} are for the network mlp, not for {self.network}: leave out"
                )
        if list(self.lr_milestones) != sorted(self.lr_milestones):
            raise ValueError(f"lr_milestones must rise: got {self.lr_milestones}")
        if self.lr_cosine and self.lr_milestones:
            raise ValueError("lr_cosine and lr_milestones are two schedules: leave one of them out")
        return self

    @model_serializer(mode="wrap")
    def _without_what_few_files_need(self, others: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # checkpoints are found, and studies compared, by what a task consists of: most have none of these
        fields: dict[str, Any] = others(self)
        few = {name: type(self).model_fields[name].default for name in _RARE}
        return {
            name: value
            for name, value in fields.items()
            if name not in few or getattr(self, name) != few[name]
        }

    def source(self) -> Source:
        """The data set or generator behind the task.

        Raises:
            InputError: if the name is unknown or the file is not usable.
        """
        return data.load(
            self.data, target=self.target, keep=self.keep, encode=self.encode, options=self.data_options
        )

    def check_data(self) -> None:
        """Make sure that the data are there, are enough for the splits, and suit the network.

        Raises:
            InputError: if not.
        """
        self._suited_source().check_sizes(self.train_size, self.val_size, self.test_size)

    def split(self, data_seed: int) -> Splits:
        """The task's three splits, with label noise.

        Raises:
            InputError: if the data set is too small for the sizes asked for, or does not suit the network.
        """
        return self._suited_source().split(
            train_size=self.train_size,
            val_size=self.val_size,
            test_size=self.test_size,
            label_noise=self.label_noise,
            seed=data_seed,
            joined=self.joined,
        )

    def _suited_source(self) -> Source:
        source = self.source()
        if self.network != "mlp" and source.image_shape is None:
            raise InputError(f"{self.data} has no images: {self.network} needs some, mlp does not")
        return source

    def learning_rate_in(self, epoch: int) -> float:
        """The learning rate in an epoch, counted from 0."""
        passed = sum(epoch >= round(share * self.epochs) for share in self.lr_milestones)
        annealed = (1 + math.cos(math.pi * epoch / self.epochs)) / 2 if self.lr_cosine else 1.0
        return float(self.learning_rate * self.lr_gamma**passed * annealed)

    @property
    def train_samples(self) -> int:
        """Samples of the training split, those of the validation included where they are joined."""
        return self.train_size + (self.val_size if self.joined else 0)

    @property
    def steps(self) -> int:
        """Steps of the optimizer in a run."""
        return self.epochs * -(-self.train_samples // (self.batch_size or self.train_samples))

    @property
    def stack_key(self) -> tuple[object, ...]:
        """Tasks with the same key can be trained in one stack: their data and their strength may differ."""
        return (
            self.train_size, self.val_size, self.test_size, self.joined, self.network, self.hidden,
            self.batch_norm, self.dropout, self.criterion, self.optimizer, self.learning_rate, self.momentum,
            self.weight_decay, self.lr_milestones, self.lr_gamma, self.lr_cosine, self.clip_norm,
            self.augmentation,
            self.batch_size, self.epochs,
        )  # fmt: skip


def check_population(tasks: Sequence[Task], data_seeds: Sequence[int], network_seeds: Sequence[int]) -> None:
    """Make sure that one trainer can train these tasks together.

    Raises:
        ValueError: if the numbers of tasks and seeds differ, or tasks differ in more than their data
            and strength.
    """
    if not len(tasks) == len(data_seeds) == len(network_seeds) > 0:
        raise ValueError(
            f"one data seed and one network seed a task: got {len(tasks)} tasks, "
            f"{len(data_seeds)} data seeds and {len(network_seeds)} network seeds"
        )
    if any(task.stack_key != tasks[0].stack_key for task in tasks):
        raise ValueError(
            "the tasks of a stack may differ in their data and strength only; train these tasks apart"
        )


Data = TypeVar("Data")


def made_once(
    tasks: Sequence[Task], data_seeds: Sequence[int], make: Callable[[Task, int], Data]
) -> tuple[list[Data], list[int]]:
    """What ``make`` gives for each different pair of task and seed, and for each replica which is its own."""
    # written once an object: most stacks hold one task many times, and Ctrl-C while Pydantic is in a
    # serializer of ours comes out as an error of Pydantic's
    names = {number: task.model_dump_json() for number, task in {id(task): task for task in tasks}.items()}
    numbers: dict[tuple[str, int], int] = {}
    made: list[Data] = []
    index = []
    for task, seed in zip(tasks, data_seeds, strict=True):
        key = (names[id(task)], seed)
        if key not in numbers:
            numbers[key] = len(made)
            made.append(make(task, seed))
        index.append(numbers[key])
    return made, index
