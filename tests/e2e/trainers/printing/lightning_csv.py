"""Lightning with its progress bar and its CSVLogger."""

import lightning
import torch
from lightning.pytorch.loggers import CSVLogger

torch.set_num_threads(1)
lightning.seed_everything(0)


class Model(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(8, 1)

    def _loss(self, batch):
        (x,) = batch
        return torch.nn.functional.mse_loss(self.layer(x), x.sum(dim=1, keepdim=True))

    def training_step(self, batch, index):
        loss = self._loss(batch)
        self.log("train_loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch, index):
        self.log("val_loss", self._loss(batch))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.01)


def loader(count):
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.randn(count, 8)), batch_size=4)


trainer = lightning.Trainer(
    max_epochs=2,
    accelerator="cpu",
    devices=1,
    log_every_n_steps=10,
    logger=CSVLogger("output", name="lightning_logs"),
    enable_checkpointing=False,
)
trainer.fit(Model(), loader(120), loader(40))
