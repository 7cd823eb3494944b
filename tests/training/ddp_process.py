"""One process of a distributed training: ``python ddp_process.py RENDEZVOUS RANK PROCESSES OUT``."""

import sys

import torch
from torch import distributed, nn

from rlflood.holding import Hold
from rlflood.training import ModuleTrainer
from rlflood.training.images.image_data import DeviceSplit, EvaluationImages, TrainingImages
from rlflood.training.processes import processes_and_rank

LEVELS = (0.0, 1.0, 1.2, 0.0)
HOLDS = (Hold(), Hold(batches=8, ascent=0.25))


def train(hold):
    """The metrics of every epoch and the weights at the end; without batch normalisation, as on the CPU."""
    from rlflood.data import Split

    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    processes, rank = processes_and_rank()
    own = {"rank": rank, "processes": processes}

    def split(samples):
        x = torch.randn(samples, 64, generator=generator)
        y = x[:, :3].argmax(1)
        return DeviceSplit(Split(x.numpy(), y.numpy(), y.numpy()), (1, 8, 8), torch.device("cpu"))

    images, val = split(53), split(41)
    torch.manual_seed(1)
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))
    trainer = ModuleTrainer(
        network,
        torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9),
        # 53 in batches of 15: parts of 8 and 7, and at the end of 4 and 4
        TrainingImages(images, batch_size=15, seed=3, augmentation="crop-flip", **own),
        EvaluationImages(val, **own),
        classes=3,
        samples=53,
        clip_norm=1.0,
        hold=hold,
    )
    metrics, changed = [], []
    for level in LEVELS:
        metrics.append(trainer.run_epoch(level))
        changed.append(float(trainer.changed[0]))
    return {
        "metrics": torch.tensor(
            [[float(v[0]) for v in (m.train_loss, m.train_acc, m.val_loss, m.val_acc)] for m in metrics]
        ),
        "changed": torch.tensor(changed),
        "weights": torch.cat([p.detach().flatten() for p in trainer.network.parameters()]),
    }


if __name__ == "__main__":
    rendezvous, rank, processes, out = sys.argv[1:]
    distributed.init_process_group(
        "gloo", init_method=f"file://{rendezvous}", rank=int(rank), world_size=int(processes)
    )
    torch.save([train(hold) for hold in HOLDS], out)
    distributed.destroy_process_group()
