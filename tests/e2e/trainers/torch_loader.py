"""A plain torch loop whose batches come from DataLoader workers, processes of their own."""

import os
import re
import time
from pathlib import Path

import torch
from torch.utils.data import DataLoader, Dataset

STEPS, EVERY = int(os.environ["STEPS"]), int(os.environ["EVERY"])
folder = Path(os.environ["RUNCTL_CHECKPOINT_DIR"])
folder.mkdir(parents=True, exist_ok=True)


class Numbers(Dataset):
    def __len__(self):
        return 100_000

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        x = torch.randn(8, generator=generator)
        return x, x.sum(dim=0, keepdim=True)


def main():
    model = torch.nn.Linear(8, 1)
    optimizer = torch.optim.Adam(model.parameters())
    step = 0
    saved = sorted(folder.glob("step-*.pt"), key=lambda path: int(re.findall(r"\d+", path.name)[0]))
    if saved:
        state = torch.load(saved[-1])
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
    print("begins at", step, flush=True)
    pause = 0.05 if step else 1.0  # leaves time to interrupt the first start
    for x, y in DataLoader(Numbers(), batch_size=16, num_workers=2):
        if step >= STEPS:
            break
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        step += 1
        time.sleep(pause)
        print("step", step, flush=True)
        if step % EVERY == 0 or step == STEPS:
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
            torch.save(state, folder / "writing.tmp")
            (folder / "writing.tmp").replace(folder / f"step-{step}.pt")
    print("ended at", step, flush=True)


if __name__ == "__main__":
    main()
