"""A loop as people write it, with a bar an epoch."""

import time

import torch
from tqdm import tqdm

torch.manual_seed(0)
torch.set_num_threads(1)
model = torch.nn.Linear(8, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(3):
    bar = tqdm(range(20), desc=f"Epoch {epoch}")
    for _step in bar:
        x = torch.randn(64, 8)
        loss = torch.nn.functional.mse_loss(model(x), x.sum(dim=1, keepdim=True))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        time.sleep(0.03)
        bar.set_postfix(loss=f"{loss.item():.4f}", lr=optimizer.param_groups[0]["lr"])
    with torch.no_grad():
        x = torch.randn(256, 8)
        off = torch.nn.functional.mse_loss(model(x), x.sum(dim=1, keepdim=True))
    tqdm.write(f"validation: val_loss={off.item():.3f} val_acc={1 / (1 + off.item()):.2f}")
