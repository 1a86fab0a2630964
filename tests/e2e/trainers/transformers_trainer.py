"""The Trainer of transformers on a tiny model, with its own checkpoints."""

import os
import time
from pathlib import Path

import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)
from transformers.trainer_utils import get_last_checkpoint

STEPS, EVERY = int(os.environ["STEPS"]), int(os.environ["EVERY"])
folder = os.environ["RUNCTL_CHECKPOINT_DIR"]
Path(folder).mkdir(parents=True, exist_ok=True)


class Sentences(torch.utils.data.Dataset):
    def __len__(self):
        return 4096

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        words = torch.randint(0, 100, (16,), generator=generator)
        return {"input_ids": words, "attention_mask": torch.ones_like(words), "labels": int(words[0] > 50)}


class Told(TrainerCallback):
    def on_train_begin(self, args, state, control, **kwargs):
        self.pause = 0.05 if state.global_step else 1.0  # leaves time to interrupt the first start
        print("begins at", state.global_step, flush=True)

    def on_step_end(self, args, state, control, **kwargs):
        time.sleep(self.pause)
        print("step", state.global_step, flush=True)

    def on_train_end(self, args, state, control, **kwargs):
        print("ended at", state.global_step, flush=True)


config = BertConfig(
    vocab_size=100,
    hidden_size=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=16,
    max_position_embeddings=16,
)
trainer = Trainer(
    model=BertForSequenceClassification(config),
    args=TrainingArguments(
        output_dir=folder,
        max_steps=STEPS,
        save_steps=EVERY,
        save_total_limit=2,
        per_device_train_batch_size=4,
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
    ),
    train_dataset=Sentences(),
    callbacks=[Told()],
)
trainer.train(resume_from_checkpoint=get_last_checkpoint(folder))
