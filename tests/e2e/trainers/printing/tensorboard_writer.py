"""TensorBoard's files as torch writes them."""

import torch
from torch.utils.tensorboard import SummaryWriter

with SummaryWriter("output/runs/first") as writer:
    for step in (1, 2, 4):
        writer.add_scalar("train/loss", 1 / step, step)
        writer.add_scalar("lr", 0.25, step)
        writer.add_histogram("weights", torch.tensor([0.0, 1.0, 2.0]), step)
