"""The peer: sentence-transformers 6.2 + peft on the same pairs, epochs, batch, rank and learning rate, with the temperature of the BGE recipe."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from adapt_embed.adapters.settings.strategy import BERT_LINEAR
from adapt_embed.base.known import known_base
from adapt_embed.choices import Precision
from adapt_embed.data.pairs import Corpus, Pairs
from adapt_embed.encoders.forward import choose_device, uses_bf16


def train(
    base: Path,
    base_as: str,
    corpus: Corpus,
    pairs: Pairs,
    folder: Path,
    seed: int,
    settings: dict,
    precision: Precision = "auto",
    device: torch.device | None = None,
) -> None:
    """Train as the peer's documentation says, on a device (None: the best one here) in the precision that adapt has there, and save the adapter."""
    device = device or choose_device()
    prompt = known_base(base_as).query_prompt
    rows = [(prompt + pairs.queries[qid], corpus[pid]) for qid, passages in pairs.positives.items() for pid in passages]
    trainer = make_trainer(base, rows, folder, seed, settings | {"bf16": uses_bf16(device, precision)}, device=device)
    trainer.train()
    trainer.model[0].auto_model.save_pretrained(folder)


def make_trainer(
    base: Path,
    rows: Sequence[tuple[str, str]],
    folder: Path,
    seed: int,
    settings: dict,
    callbacks: Sequence[Any] = (),
    *,
    device: torch.device,
) -> Any:
    """Return the peer's trainer over (query with its instruction, passage) rows."""
    from datasets import Dataset
    from peft import LoraConfig, TaskType
    from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments, models
    from sentence_transformers.losses import MultipleNegativesRankingLoss
    from sentence_transformers.training_args import BatchSamplers

    model = SentenceTransformer(
        modules=[
            models.Transformer(str(base), max_seq_length=settings["max_tokens"]),
            models.Pooling(hidden_size(base), pooling_mode="cls"),
            models.Normalize(),
        ],
        device=str(device),
    )
    model.add_adapter(
        LoraConfig(task_type=TaskType.FEATURE_EXTRACTION, r=16, lora_alpha=32, lora_dropout=0.05, target_modules=list(BERT_LINEAR))
    )
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(folder / "trainer"),
        num_train_epochs=settings["epochs"],
        per_device_train_batch_size=settings["batch_size"],
        learning_rate=settings["learning_rate"],
        warmup_steps=0.1,
        lr_scheduler_type="cosine",
        batch_sampler=BatchSamplers.NO_DUPLICATES,
        bf16=settings.get("bf16", False),
        seed=seed,
        save_strategy="no",
        report_to="none",
        use_cpu=device.type == "cpu",
        disable_tqdm=True,
        logging_steps=20,
    )
    dataset = Dataset.from_dict({"anchor": [row[0] for row in rows], "positive": [row[1] for row in rows]})
    loss = MultipleNegativesRankingLoss(model, scale=50)
    return SentenceTransformerTrainer(model, arguments, train_dataset=dataset, loss=loss, callbacks=list(callbacks))


def hidden_size(base: Path) -> int:
    """Read the width of a base's vectors."""
    import json

    return int(json.loads((base / "config.json").read_text(encoding="utf-8"))["hidden_size"])
