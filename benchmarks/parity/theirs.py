"""The side of `transformers`: its encoder under the same head, in its `Trainer`.

`transformers`' own task classes for BERT have a pooler and a dropout before the tags, which this package's
heads lack; so that both sides train the same function, `PeerModel` puts onto its `BertModel` the head of
the ELECTRA paper: dropout and one dense layer on [CLS], one dense layer on the words' first pieces.
Tokenizer, collator, sampler, optimizer, schedule and loop are those of `transformers`.
"""

import tempfile
import time

import numpy as np
import torch
import transformers
from torch.nn import functional as F

from keras_electra.schedules import rate_fraction

IGNORED = -100
"""Label of a place that has none, as `transformers` marks it."""


class PeerModel(torch.nn.Module):
    """`BertModel` and a dense head.

    Args:
        case: names the encoder's folder and the number of outputs.
        dropout_rate: of every dropout.
    """

    def __init__(self, case, dropout_rate: float):
        super().__init__()
        config = transformers.BertConfig.from_pretrained(
            case.model_folder,
            hidden_dropout_prob=dropout_rate,
            attention_probs_dropout_prob=dropout_rate,
        )
        self.kind = case.task.kind
        self.encoder = transformers.BertModel.from_pretrained(
            case.model_folder, config=config, add_pooling_layer=False
        )
        self.dropout = torch.nn.Dropout(dropout_rate)
        self.head = torch.nn.Linear(config.hidden_size, case.num_outputs)
        torch.nn.init.xavier_uniform_(self.head.weight)
        torch.nn.init.zeros_(self.head.bias)

    def forward(self, input_ids, attention_mask, token_type_ids, labels=None):
        hidden = self.encoder(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state
        logits = self.head(hidden if self.kind == "tagging" else self.dropout(hidden[:, 0]))
        if labels is None:
            return {"logits": logits}
        if self.kind == "regression":
            return {"loss": F.mse_loss(logits[:, 0], labels.to(logits.dtype)), "logits": logits}
        loss = F.cross_entropy(logits.flatten(0, -2), labels.flatten(), ignore_index=IGNORED)
        return {"loss": loss, "logits": logits}


def arguments(case, folder, **changes) -> transformers.TrainingArguments:
    """The Trainer's arguments: the case's settings, its own defaults otherwise, nothing saved."""
    optimizer = case.config.optimizer
    return transformers.TrainingArguments(
        **{
            "output_dir": folder,
            "per_device_train_batch_size": case.config.batch_size,
            "per_device_eval_batch_size": case.config.batch_size,
            "num_train_epochs": case.config.epochs,
            "learning_rate": optimizer.learning_rate,
            "weight_decay": optimizer.weight_decay_rate,
            "adam_beta1": optimizer.beta_1,
            "adam_beta2": optimizer.beta_2,
            "adam_epsilon": optimizer.epsilon,
            "max_grad_norm": optimizer.clip_norm,
            "warmup_steps": case.warmup_steps,
            "lr_scheduler_type": "linear",
            "save_strategy": "no",
            "report_to": "none",
            "disable_tqdm": True,
            "use_cpu": True,
            "dataloader_pin_memory": False,
            **changes,
        }
    )


# The same batches, step by step


class StepwiseTrainer(transformers.Trainer):
    """A Trainer that keeps every loss, and whose rate is that of a given schedule.

    Its own linear schedule lags one update behind: its first update has rate 0.
    """

    def __init__(self, *args, schedule, total_steps, **kwargs):
        super().__init__(*args, **kwargs)
        self.schedule, self.total_steps = schedule, total_steps
        self.losses = []

    def compute_loss(self, *args, **kwargs):
        loss = super().compute_loss(*args, **kwargs)
        self.losses.append(float(loss.detach()))
        return loss

    def create_scheduler(self, num_training_steps, optimizer=None):
        fractions = [
            float(rate_fraction(self.schedule, step + 1, self.total_steps))
            for step in range(self.total_steps + 1)
        ]
        self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer or self.optimizer, lambda step: fractions[min(step, self.total_steps)]
        )
        self._created_lr_scheduler = True
        return self.lr_scheduler


def losses_of_batches(case, batches, head, warmup_steps: int) -> list[float]:
    """The Trainer's loss of each step over the given batches, without dropout.

    Args:
        batches: of this package; each is one item of the Trainer's dataset.
        head: (kernel (H, N), bias (N,)) that training starts with.
    """
    model = PeerModel(case, dropout_rate=0.0)
    with torch.no_grad():
        model.head.weight.copy_(torch.from_numpy(head[0].T.copy()))
        model.head.bias.copy_(torch.from_numpy(head[1]))
    with tempfile.TemporaryDirectory() as folder:
        trainer = StepwiseTrainer(
            model,
            arguments(
                case,
                folder,
                per_device_train_batch_size=1,
                num_train_epochs=1,
                train_sampling_strategy="sequential",
                remove_unused_columns=False,
            ),
            train_dataset=[as_theirs(case, batch) for batch in batches],
            data_collator=lambda items: items[0],
            schedule=case.config.optimizer.replace(warmup_steps=warmup_steps),
            total_steps=len(batches),
        )
        trainer.remove_callback(transformers.PrinterCallback)
        trainer.train()
    return trainer.losses


def as_theirs(case, batch) -> dict[str, torch.Tensor]:
    """A batch of this package by the names and labels of `transformers`."""
    names = {"token_ids": "input_ids", "segment_ids": "token_type_ids"}
    found = {name: torch.from_numpy(batch[ours]).long() for ours, name in names.items()}
    found["attention_mask"] = torch.from_numpy(batch["padding_mask"]).long()
    labels = batch["labels"]
    if case.task.kind == "tagging":
        labels = np.full(batch["token_ids"].shape, IGNORED)
        rows, words = np.nonzero(batch["word_weights"])
        labels[rows, batch["word_positions"][rows, words]] = batch["labels"][rows, words]
    labels = torch.from_numpy(labels)
    found["labels"] = labels if case.task.kind == "regression" else labels.long()
    return found


# Whole trainings, from the text on


def score(case, seed: int, dropout_rate: float) -> tuple[dict[str, float], float]:
    """({metric: value}, seconds of training) of a whole training."""
    with tempfile.TemporaryDirectory() as folder:
        trainer, _ = new_trainer(case, folder, seed, dropout_rate)
        started = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - started
        judged = dataset(case, trainer.processing_class, case.judged)
        found = trainer.predict(judged)
    outputs = found.predictions
    if case.task.kind == "regression":
        outputs = outputs[:, 0]
    if case.task.kind == "tagging":
        outputs = [
            logits[: len(row["labels"])][np.array(row["labels"]) != IGNORED]
            for logits, row in zip(outputs, judged, strict=True)
        ]
    return case.scores(list(outputs)), seconds


def epoch_seconds(case, seed: int, dropout_rate: float) -> tuple[float, int]:
    """(seconds, places that went through the encoder, padding included) of one epoch."""
    with tempfile.TemporaryDirectory() as folder:
        trainer, places = new_trainer(case, folder, seed, dropout_rate, num_train_epochs=1)
        started = time.perf_counter()
        trainer.train()
        return time.perf_counter() - started, sum(places)


def new_trainer(case, folder, seed, dropout_rate, **changes):
    """(the Trainer over the training examples, list that it appends the places of each batch to)."""
    transformers.set_seed(seed)
    tokenizer = transformers.AutoTokenizer.from_pretrained(case.model_folder)
    is_tagging = case.task.kind == "tagging"
    kind = (
        transformers.DataCollatorForTokenClassification
        if is_tagging
        else transformers.DataCollatorWithPadding
    )
    collator, places = kind(tokenizer), []

    def counting_collator(items):
        batch = collator(items)
        places.append(batch["input_ids"].numel())
        return batch

    trainer = transformers.Trainer(
        PeerModel(case, dropout_rate),
        arguments(case, folder, seed=seed, **changes),
        train_dataset=dataset(case, tokenizer, case.train),
        data_collator=counting_collator,
        processing_class=tokenizer,
    )
    trainer.remove_callback(transformers.PrinterCallback)
    return trainer, places


def dataset(case, tokenizer, encoded) -> list[dict]:
    """The examples as `transformers`' tokenizer sees them, one dict of lists each."""
    options = {"truncation": True, "max_length": case.config.sequence_length}
    numbers = {label: number for number, label in enumerate(case.labels or ())}
    rows = []
    for example in encoded.examples:
        if case.task.kind == "tagging":
            row = tokenizer(list(example.words), is_split_into_words=True, **options)
            words = row.word_ids()
            # A tag that training lacks can only be missed: its number is never compared.
            row["labels"] = [
                IGNORED if word is None or word == before else numbers.get(example.tags[word], 0)
                for before, word in zip([None, *words], words, strict=False)
            ]
        else:
            row = tokenizer(example.text, example.second_text, **options)
            low, high = case.task.value_range or (0.0, 1.0)
            is_number = case.task.kind == "regression"
            row["labels"] = (
                (example.label - low) / (high - low) if is_number else numbers[example.label]
            )
        rows.append(dict(row))
    return rows
