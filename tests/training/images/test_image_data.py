import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rlflood.data import Split
from rlflood.errors import InputError
from rlflood.training.images.image_data import DeviceSplit, EvaluationImages, TrainingImages, augmented
from rlflood.training.order import augmentation_bits, batch_order

SHAPE = (2, 6, 5)


def device_split(samples=23):
    x = np.arange(samples * 60, dtype=np.float32).reshape(samples, 60)
    y = np.arange(samples) % 3
    return DeviceSplit(Split(x, y, (y + 1) % 3), SHAPE, torch.device("cpu"))


def bits(samples, epoch=0, seed=0):
    return augmentation_bits(torch.tensor([seed]), epoch, samples)


def test_rows_become_images_channel_by_channel():
    split = device_split()
    assert split.x.shape == (23, *SHAPE)
    assert split.x[1, 1, 2, 3] == 60 + 30 + 10 + 3


@pytest.mark.parametrize("batch_size", [None, 5, 23, 100])
def test_an_epoch_has_every_sample_once_in_the_order_of_a_population(batch_size):
    batches = TrainingImages(device_split(), batch_size=batch_size, seed=9)
    batches.set_epoch(4)
    steps = list(batches)
    assert all(len(parts) == 1 for parts in steps)
    numbers = torch.cat([parts[0][2] for parts in steps])
    full = batch_size is None or batch_size >= 23
    expected = torch.arange(23) if full else batch_order(torch.tensor([9]), 4, 23)[0]
    assert torch.equal(numbers, expected)
    for x, y, own in (part for parts in steps for part in parts):
        assert torch.equal(x[:, 0, 0, 0], own * 60.0)
        assert torch.equal(y, own % 3)


@pytest.mark.parametrize("processes", [2, 3])
@pytest.mark.parametrize("micro_batch", [None, 2])
def test_processes_and_parts_make_up_each_batch(processes, micro_batch):
    def numbers(**options):
        steps = TrainingImages(device_split(), batch_size=10, seed=1, **options)
        return [torch.cat([part[2] for part in parts]) for parts in steps]

    whole = numbers()
    parts = [numbers(rank=rank, processes=processes, micro_batch=micro_batch) for rank in range(processes)]
    for step, expected in enumerate(whole):
        assert torch.equal(torch.cat([part[step] for part in parts]), expected)


def test_more_processes_than_samples_in_the_last_batch_are_refused():
    with pytest.raises(InputError, match="end with a batch of 3, too few for 4 processes"):
        TrainingImages(device_split(), batch_size=10, seed=0, processes=4)


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_evaluation_has_every_sample_once(processes, monkeypatch):
    monkeypatch.setattr("rlflood.training.images.image_data._EVALUATION_BATCH", 5)
    split = device_split()
    parts = [
        part for rank in range(processes) for part in EvaluationImages(split, rank=rank, processes=processes)
    ]
    for number, expected in enumerate((split.x, split.y, split.y_clean)):
        assert torch.equal(torch.cat([part[number] for part in parts]), expected)


@given(seed=st.integers(0, 2**31 - 1), flip=st.booleans())
def test_an_augmented_image_is_one_of_its_crops(seed, flip):
    x = torch.rand(6, *SHAPE, generator=torch.Generator().manual_seed(seed)) + 1  # no zero inside
    padded = torch.nn.functional.pad(x, (4, 4, 4, 4))
    for number, image in enumerate(augmented(x, bits(6, seed=seed), flip=flip)):
        crops = [padded[number, :, i : i + 6, j : j + 5] for i in range(9) for j in range(9)]
        if flip:
            crops += [crop.flip(-1) for crop in crops]
        assert any(torch.equal(image, crop) for crop in crops)


def test_all_crops_and_both_sides_are_equally_likely():
    samples = 40_000
    x = torch.zeros(samples, 1, 9, 9)
    x[:, 0, 4, 4], x[:, 0, 4, 5] = 1.0, 2.0  # the brighter one on the right, unless mirrored
    out = augmented(x, bits(samples), flip=True)[:, 0]
    at = (out == 1).flatten(1).float().argmax(1)
    seen = (out == 1).any(2).any(1)  # not cropped away
    counts = torch.bincount(at[seen], minlength=81)
    assert seen.float().mean() == pytest.approx(1.0)
    assert (counts - samples / 81).abs().max() < 5 * (samples / 81) ** 0.5
    right = torch.roll(out, -1, 2)[out == 1] == 2
    left = torch.roll(out, 1, 2)[out == 1] == 2
    inside = right | left
    assert right[inside].float().mean() == pytest.approx(0.5, abs=0.02)


def test_augmentation_changes_with_the_epoch_and_the_seed_alone():
    def epoch(number, seed=0, **options):
        batches = TrainingImages(device_split(), batch_size=8, seed=seed, augmentation="crop-flip", **options)
        batches.set_epoch(number)
        found = [part for parts in batches for part in parts]
        x, numbers = torch.cat([part[0] for part in found]), torch.cat([part[2] for part in found])
        return x[numbers.argsort()]

    assert torch.equal(epoch(0), epoch(0))
    assert torch.equal(epoch(0), epoch(0, micro_batch=3))
    assert not torch.equal(epoch(0), epoch(1))
    assert not torch.equal(epoch(0), epoch(0, seed=1))
