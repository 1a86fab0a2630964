"""Classifies the handwritten digits that come with scikit-learn, on as many machines as the job has.

Rank 0 saves after each epoch; all ranks go on from what it saved, which runctl gives to every machine. The
order of the samples follows from the epoch, so that a run that was interrupted ends like one that was not.
"""

import json
import os
import time
from pathlib import Path

import torch
import torch.distributed as dist
from sklearn.datasets import load_digits
from torch.nn.parallel import DistributedDataParallel

EPOCHS = int(os.environ.get("EPOCHS", "20"))
EPOCH_SECONDS = float(os.environ.get("EPOCH_SECONDS", "0"))
BATCH, SEED = 64, 1


def digits():
    found = load_digits()
    pixels = torch.tensor(found.data, dtype=torch.float32) / 16
    return pixels, torch.tensor(found.target)


def batches(count, epoch, rank, ranks):
    """Which samples this rank has in each step of an epoch: all ranks have as many."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(SEED * 1000 + epoch))
    whole = order[: count - count % (BATCH * ranks)]
    return whole.view(-1, ranks, BATCH)[:, rank]


def save(path, model, optimizer, epoch):
    part = path.with_suffix(".part")
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch}, part)
    part.replace(path)


def main():
    dist.init_process_group("gloo")
    rank, ranks = dist.get_rank(), dist.get_world_size()
    saved = Path(os.environ["RUNCTL_CHECKPOINT_DIR"]) / "state.pt"
    pixels, labels = digits()
    torch.manual_seed(SEED)
    layers = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))
    optimizer = torch.optim.SGD(layers.parameters(), lr=0.1, momentum=0.9)
    epoch = 0
    if saved.exists():
        state = torch.load(saved)
        layers.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        epoch = state["epoch"]
    model = DistributedDataParallel(layers)
    print(f"rank {rank} of {ranks} starts at epoch {epoch}", flush=True)
    loss = torch.zeros(())
    while epoch < EPOCHS:
        for chosen in batches(len(labels), epoch, rank, ranks):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(pixels[chosen]), labels[chosen])
            loss.backward()
            optimizer.step()
        epoch += 1
        time.sleep(EPOCH_SECONDS)
        if rank == 0:
            save(saved, layers, optimizer, epoch)
            print(f"epoch {epoch} of {EPOCHS}: loss {loss.item():.6f}", flush=True)
    if rank == 0:
        with torch.no_grad():
            scores = layers(pixels)
        whole = torch.nn.functional.cross_entropy(scores, labels).item()
        right = (scores.argmax(1) == labels).double().mean().item()
        Path("model").mkdir(exist_ok=True)
        torch.save(layers.state_dict(), "model/model.pt")
        result = {"epochs": epoch, "ranks": ranks, "loss": whole, "accuracy": right}
        Path("model/metrics.json").write_text(json.dumps(result) + "\n")
        print(f"ended at epoch {epoch}: loss {whole:.6f}, accuracy {right:.4f}", flush=True)
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
