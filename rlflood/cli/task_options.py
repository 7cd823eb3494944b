"""Options that say how a network is trained on a person's data."""

from typing import Annotated, Any

import typer

from rlflood.cli.parsing import numbers

Target = Annotated[str | None, typer.Option(help="Label column of a table.")]
TrainSize = Annotated[
    int | None,
    typer.Option(help="Training samples.", show_default="a third, 200 at most; of a file: all that are left"),
]
ValSize = Annotated[int | None, typer.Option(help="Validation samples.")]
Hidden = Annotated[
    str | None, typer.Option(help="Width of each hidden layer of an mlp.", show_default="100,100,100")
]
Epochs = Annotated[
    int | None,
    typer.Option(help="Epochs of a run.", show_default="200; images: 500; of a large file: fewer"),
]
BatchSize = Annotated[
    int | None,
    typer.Option(
        help="Samples in a mini-batch.",
        show_default="all; images: 128; of a file: 128 or more beyond 1,000",
    ),
]
Optimizer = Annotated[str | None, typer.Option(help="adam, adamw or sgd.", show_default="adam; images: sgd")]
LearningRate = Annotated[
    float | None, typer.Option(help="Of the optimizer.", show_default="0.001; images: 0.1")
]
LrMilestones = Annotated[
    str | None,
    typer.Option(
        help="Shares of the run after which it falls by ten, or never.",
        show_default="never; images: 0.5,0.8",
    ),
]
WeightDecay = Annotated[float | None, typer.Option(help="Of the optimizer.", show_default="0")]
BatchNorm = Annotated[
    bool | None, typer.Option("--batch-norm", help="Batch normalisation before each ReLU of an mlp.")
]


def given_fields(
    *, encode: bool, hidden: str | None, lr_milestones: str | None, **others: Any
) -> dict[str, Any]:
    """The fields of a :class:`~rlflood.training.Task` that the options say; those not given are left out.

    Raises:
        InputError: if one that holds several numbers holds something else.
    """
    fields = {
        "encode": encode or None,
        "hidden": None if hidden is None else numbers(hidden, "--hidden", int, "100,100"),
        "lr_milestones": _milestones(lr_milestones),
        **others,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _milestones(text: str | None) -> tuple[float, ...] | None:
    if text is None or text == "never":
        return None if text is None else ()
    return numbers(text, "--lr-milestones", float, "0.5,0.8, or never")
