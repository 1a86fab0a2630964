"""Lightning, with its own checkpoints and its own way of taking a SIGTERM."""

import os
import time
from pathlib import Path

import lightning
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

STEPS, EVERY = int(os.environ["STEPS"]), int(os.environ["EVERY"])
folder = Path(os.environ["RUNCTL_CHECKPOINT_DIR"])
folder.mkdir(parents=True, exist_ok=True)


class Model(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(8, 1)

    def training_step(self, batch, index):
        (x,) = batch
        return torch.nn.functional.mse_loss(self.layer(x), x.sum(dim=1, keepdim=True))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.01)


class Told(lightning.Callback):
    def on_train_start(self, trainer, module):
        self.pause = 0.05 if trainer.global_step else 1.0  # leaves time to interrupt the first start
        print("begins at", trainer.global_step, flush=True)

    def on_train_batch_end(self, trainer, module, outputs, batch, index):
        time.sleep(self.pause)
        print("step", trainer.global_step, flush=True)

    def on_train_end(self, trainer, module):
        print("ended at", trainer.global_step, flush=True)


data = torch.utils.data.TensorDataset(torch.randn(4096, 8))
trainer = lightning.Trainer(
    max_steps=STEPS,
    accelerator="cpu",
    devices=1,
    logger=False,
    enable_progress_bar=False,
    enable_model_summary=False,
    callbacks=[
        Told(),
        ModelCheckpoint(dirpath=folder, every_n_train_steps=EVERY, save_last=True, save_top_k=1),
    ],
)
last = folder / "last.ckpt"
trainer.fit(
    Model(),
    torch.utils.data.DataLoader(data, batch_size=4),
    ckpt_path=str(last) if last.exists() else None,
)
