"""The Trainer of transformers with what it prints and no reporting service."""

import torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

torch.set_num_threads(1)


class Sentences(torch.utils.data.Dataset):
    def __len__(self):
        return 120

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        words = torch.randint(0, 100, (16,), generator=generator)
        return {"input_ids": words, "attention_mask": torch.ones_like(words), "labels": int(words[0] > 50)}


config = BertConfig(
    vocab_size=100,
    hidden_size=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=16,
    max_position_embeddings=16,
)
arguments = TrainingArguments(
    output_dir="output",
    num_train_epochs=2,
    logging_steps=10,
    eval_strategy="epoch",
    save_strategy="no",
    per_device_train_batch_size=4,
    report_to=[],
    use_cpu=True,
    seed=0,
)
model = BertForSequenceClassification(config)
Trainer(model=model, args=arguments, train_dataset=Sentences(), eval_dataset=Sentences()).train()
