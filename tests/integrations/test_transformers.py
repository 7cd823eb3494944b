"""The trainer in Hugging Face's own loop, beside a plain loop of PyTorch."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import SequentialSampler

import rlflood
from rlflood.errors import InputError, RlfloodWarning

os.environ.setdefault("HF_HUB_OFFLINE", "1")
transformers = pytest.importorskip("transformers")
from rlflood.integrations.transformers import STATE, FloodTrainer  # noqa: E402

EPOCHS, CLASSES, TOKENS = 12, 3, 4
Rows = list[dict[str, Any]]


def data(seed: int, samples: int) -> Rows:
    """Sequences whose first token tells the class, four labels in ten at random."""
    rng = np.random.default_rng(seed)
    y = rng.integers(CLASSES, size=samples)
    tokens = rng.integers(CLASSES, 20, size=(samples, TOKENS))
    tokens[:, 0] = y
    labels = np.where(rng.random(samples) < 0.4, rng.integers(CLASSES, size=samples), y)
    return [
        {"input_ids": row.tolist(), "labels": int(label)} for row, label in zip(tokens, labels, strict=True)
    ]


TRAIN, VAL = data(0, 60), data(1, 40)


def model() -> Any:
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=20, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=8, num_labels=CLASSES, hidden_dropout_prob=0, attention_probs_dropout_prob=0,
    )  # fmt: skip
    return transformers.BertForSequenceClassification(config)


class InOrder(FloodTrainer):
    """Batches come in the order of the data, as the plain loop takes them."""

    def _get_train_sampler(self, *_: Any) -> Any:
        return SequentialSampler(TRAIN)


def trainer(folder: Path, scheduler: Any = None, network: Any = None, **options: Any) -> FloodTrainer:
    settings: dict[str, Any] = {
        "num_train_epochs": EPOCHS, "eval_strategy": "epoch", "save_strategy": "no",
        "per_device_train_batch_size": 16, "per_device_eval_batch_size": 40, "learning_rate": 0.03,
        "lr_scheduler_type": "constant", "max_grad_norm": 0.0, "weight_decay": 0.0, "use_cpu": True,
        "report_to": [], "disable_tqdm": True, "logging_strategy": "no", **options,
    }  # fmt: skip
    arguments = transformers.TrainingArguments(output_dir=str(folder), **settings)
    return InOrder(
        model() if network is None else network, arguments, train_dataset=TRAIN, eval_dataset=VAL,
        scheduler=rlflood.HoldFlood() if scheduler is None else scheduler,
    )  # fmt: skip


def logged(one: FloodTrainer, name: str) -> list[float]:
    return [entry[name] for entry in one.state.log_history if name in entry]


def batch(rows: Rows) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor([row["input_ids"] for row in rows]), torch.tensor([row["labels"] for row in rows])


def plain_loop(accumulated: int) -> tuple[nn.Module, nn.Module, list[Any]]:
    """The network, its average, and of each epoch the level, and the share of the batches that went up."""
    network, steering = model(), rlflood.HoldFlood()
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.03, weight_decay=0.0)
    average, best = rlflood.WeightAverage(network, steering), rlflood.BestWeights(network)
    levels: list[Any] = []
    batches = [batch(TRAIN[i : i + 16]) for i in range(0, 60, 16)]
    for _ in range(EPOCHS):
        network.train()
        losses, hits, up = 0.0, 0, 0
        for number, (x, y) in enumerate(batches, start=1):
            logits = network(input_ids=x).logits
            loss = functional.cross_entropy(logits, y)
            flooded = steering(loss, parts=accumulated)
            up += int(torch.autograd.grad(flooded, loss, retain_graph=True)[0] < 0)
            (flooded / accumulated).backward()
            if number % accumulated == 0:
                optimizer.step()
                optimizer.zero_grad()
                average.update()
            losses, hits = losses + loss.item() * len(y), hits + int((logits.argmax(1) == y).sum())
        network.eval()
        x, y = batch(VAL)
        with torch.no_grad():
            logits = network(input_ids=x).logits
        validation = {
            "val_loss": functional.cross_entropy(logits, y).item(),
            "val_acc": (logits.argmax(1) == y).double().mean().item(),
        }
        levels.append((steering.level, up / len(batches)))
        steering.step(train_loss=losses / 60, train_acc=hits / 60, **validation)
        best.step(**validation)
        if np.any(steering.returns):
            best.put_back()
    return network, average.module, levels


def assert_same(one: nn.Module, other: nn.Module) -> None:
    """By what they predict: a key's bias changes nothing, so that Adam moves it by rounding errors."""
    x, _ = batch(VAL)
    with torch.no_grad():
        mine, theirs = (network.eval()(input_ids=x).logits for network in (one, other))
    torch.testing.assert_close(mine, theirs, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("accumulated", [1, 2])
def test_it_does_what_a_plain_loop_does(tmp_path: Path, accumulated: int) -> None:
    """Losses are means of a micro-batch, whatever the Trainer would normalise them by."""
    one = trainer(tmp_path, gradient_accumulation_steps=accumulated)
    one.train()
    network, average, levels = plain_loop(accumulated)
    assert max(levels)[0] > 0, "it floods"
    assert logged(one, "flood_level") == pytest.approx([level for level, _ in levels], rel=1e-3)
    assert logged(one, "ascended") == pytest.approx([up for _, up in levels])
    assert_same(one.model, network)
    assert one.average is not None
    assert_same(one.average.module, average)


def test_a_resumed_training_is_one_that_never_stopped(tmp_path: Path) -> None:
    whole = trainer(tmp_path / "whole", save_strategy="epoch")
    whole.train()
    checkpoint = tmp_path / "whole" / f"checkpoint-{4 * 7}"
    second = trainer(tmp_path / "second")
    second.train(resume_from_checkpoint=str(checkpoint))
    assert second.scheduler.state_dict() == whole.scheduler.state_dict()
    assert_same(second.model, whole.model)
    assert whole.average is not None and second.average is not None
    assert_same(second.average.module, whole.average.module)
    (checkpoint / STATE).unlink()
    with pytest.raises(InputError, match="no checkpoint of a FloodTrainer"):
        trainer(tmp_path / "third").train(resume_from_checkpoint=str(checkpoint))


def test_evaluation_is_not_flooded(tmp_path: Path) -> None:
    one = trainer(tmp_path, rlflood.ConstantFlood(5.0), num_train_epochs=1)
    one.train()
    assert one.meter.metrics is not None
    assert one.meter.metrics.val_loss < 5 and one.meter.metrics.train_loss < 5, "both are raw"
    assert one.evaluate()["eval_loss"] < 5
    with pytest.raises(InputError, match="counted no batch"):
        one.meter.step()


def test_the_accuracy_of_training_is_counted_though_the_trainer_has_none(tmp_path: Path) -> None:
    one = trainer(tmp_path, num_train_epochs=1, learning_rate=0.0)
    one.train()
    x, y = batch(TRAIN)
    with torch.no_grad():
        right = (model().eval()(input_ids=x).logits.argmax(1) == y).double().mean().item()
    assert one.scheduler.history.train_acc == pytest.approx([right])


def test_tokens_that_are_ignored_do_not_count(tmp_path: Path) -> None:
    """A label for each token, the first ones left out."""
    config = transformers.BertConfig(
        vocab_size=20, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=8, num_labels=2,
    )  # fmt: skip
    rows = [{"input_ids": [1, 2, 3], "labels": [-100, 1, 1]}] * 8
    one = FloodTrainer(
        transformers.BertForTokenClassification(config),
        transformers.TrainingArguments(
            output_dir=str(tmp_path), num_train_epochs=2, eval_strategy="no", save_strategy="no",
            use_cpu=True, report_to=[], disable_tqdm=True, learning_rate=0.05,
        ),
        train_dataset=rows,
        scheduler=rlflood.ConstantFlood(0.1),
    )  # fmt: skip
    one.train()
    assert one.meter.metrics is not None
    assert 0 <= one.meter.metrics.train_acc <= 1 and logged(one, "flood_level") == [0.1, 0.1]


def test_what_cannot_be_steered_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match="HoldFlood goes by the validation of each epoch: give eval_strategy"
    ):
        trainer(tmp_path, eval_strategy="no").train()
    regression = model()
    regression.num_labels = regression.config.num_labels = 1
    regression.classifier = nn.Linear(16, 1)
    with pytest.raises(InputError, match="FloodTrainer is for classification"):
        trainer(tmp_path, network=regression).train()


def test_patience_and_another_length_are_warned_of(tmp_path: Path) -> None:
    one = trainer(tmp_path, rlflood.RewindFlood(epochs=30), num_train_epochs=1)
    one.args.metric_for_best_model, one.args.load_best_model_at_end = "eval_loss", False
    one.add_callback(transformers.EarlyStoppingCallback(50))
    with pytest.warns(RlfloodWarning) as caught:
        one._check()
    told = [str(warning.message) for warning in caught]
    assert any("plans for 30 epochs, and num_train_epochs is 1" in text for text in told)
    assert any("EarlyStoppingCallback beside flooding" in text for text in told)
