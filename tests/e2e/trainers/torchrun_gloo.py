"""Two workers under torchrun, in sessions of their own; gloo reduces gradients, the first one saves."""

import os
import time
from pathlib import Path

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

STEPS, EVERY = int(os.environ["STEPS"]), int(os.environ["EVERY"])
folder = Path(os.environ["RUNCTL_CHECKPOINT_DIR"])
folder.mkdir(parents=True, exist_ok=True)
saved = folder / "state.pt"

dist.init_process_group("gloo")
rank = dist.get_rank()
torch.manual_seed(0)
model = DistributedDataParallel(torch.nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
step = 0
if saved.exists():
    state = torch.load(saved)
    model.module.load_state_dict(state["model"])
    step = state["step"]
if rank == 0:
    print("begins at", step, "of", dist.get_world_size(), "workers", flush=True)
pause = 0.05 if step else 1.0  # leaves time to interrupt the first start
while step < STEPS:
    x = torch.randn(16, 8)
    optimizer.zero_grad()
    torch.nn.functional.mse_loss(model(x), x.sum(dim=1, keepdim=True)).backward()
    optimizer.step()
    step += 1
    time.sleep(pause)
    if rank == 0:
        print("step", step, flush=True)
        if step % EVERY == 0 or step == STEPS:
            torch.save({"model": model.module.state_dict(), "step": step}, folder / "state.tmp")
            (folder / "state.tmp").replace(saved)
dist.barrier()
if rank == 0:
    print("ended at", step, flush=True)
dist.destroy_process_group()
