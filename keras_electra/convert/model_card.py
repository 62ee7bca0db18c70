"""The model card: what the run that trained a model has on record, and nothing else."""

import pathlib

import keras_electra
from keras_electra.files import readable_json
from keras_electra.runs import RunFolder
from keras_electra.task_heads import TextHead

FIGURES = ("rtd_auc", "rtd_loss", "rtd_accuracy", "mlm_loss", "generator_accuracy")
"""The figures of pretraining that a card names, of the last logged interval."""

TAGS = {
    "ElectraForMaskedLM": "fill-mask",
    "ElectraForSequenceClassification": "text-classification",
    "ElectraForTokenClassification": "token-classification",
    "ElectraForQuestionAnswering": "question-answering",
    "ElectraForMultipleChoice": "multiple-choice",
}
ABOUT = {
    "ElectraModel": "An ELECTRA encoder.",
    "ElectraForPreTraining": "An ELECTRA discriminator: one logit per token, positive for *replaced*.",
    "ElectraForMaskedLM": "An ELECTRA generator: a masked language model.",
    "ElectraForSequenceClassification": "An ELECTRA encoder fine-tuned on whole texts.",
    "ElectraForTokenClassification": "An ELECTRA encoder fine-tuned on the words of a text.",
    "ElectraForQuestionAnswering": "An ELECTRA encoder fine-tuned to find answers in a text.",
    "ElectraForMultipleChoice": "An ELECTRA encoder fine-tuned to choose between texts.",
}


def model_card(model, name: str, *, run=None, has_tokenizer=True) -> str:
    """The text of `README.md`.

    Args:
        model: the model that the folder holds.
        name: its class in `transformers`.
        run: path of the run that trained it, or None; what the run has not on record is left out.
        has_tokenizer: whether the folder has a tokenizer.
    """
    record = run_record(run) if run is not None else {}
    auto_class = f"AutoModel{name.removeprefix('Electra').removeprefix('Model')}"
    lines = ["---", "library_name: transformers"]
    if name in TAGS:
        lines.append(f"pipeline_tag: {TAGS[name]}")
    lines += ["tags:", "- electra", "- keras-electra", "---", "", f"# {name}", "", ABOUT[name], ""]
    lines += ["```python", f"from transformers import {auto_class}, AutoTokenizer", ""]
    lines.append(f'model = {auto_class}.from_pretrained("path/of/this/folder")')
    if has_tokenizer:
        lines.append('tokenizer = AutoTokenizer.from_pretrained("path/of/this/folder")')
    lines += ["```", "", "## Architecture", "", *_sizes(model)]
    note = _note(model)
    if note:
        lines += ["", note]
    for title, entries in record.items():
        if entries:
            lines += ["", f"## {title}", ""]
            lines += [f"- {what}: {value}" for what, value in entries.items()]
    lines += ["", f"Written by keras-electra {keras_electra.__version__}.", ""]
    return "\n".join(lines)


def run_record(run) -> dict[str, dict[str, str]]:
    """What a run has on record, as titles, words and values for a reader."""
    run = RunFolder(pathlib.Path(run))
    settings, rows = run.config(), run.log_rows()
    is_pretraining = "pretrain" in settings
    environment = run.environment()
    details = {
        "Data": _pretraining_data(settings) if is_pretraining else _task_data(settings),
        "Training": _training(settings, rows, run),
        "Hardware and programs": _hardware(environment, run),
        "Figures": _pretraining_figures(rows) if is_pretraining else _task_figures(run),
    }
    return {title: {k: v for k, v in part.items() if v} for title, part in details.items()}


def _sizes(model) -> list[str]:
    encoder = getattr(model, "backbone", model).encoder
    values = {
        "layers": encoder.num_layers,
        "hidden width": encoder.hidden_dim,
        "attention heads": encoder.num_heads,
        "embedding width": encoder.embedding_dim,
        "vocabulary": f"{encoder.vocabulary_size:,} entries",
        "longest input": f"{encoder.max_sequence_length} tokens",
    }
    return [f"- {what}: {value}" for what, value in values.items()]


def _note(model) -> str:
    """What a reader must know about the head."""
    head = getattr(model, "head", None)
    value_range = getattr(model, "value_range", None)
    if value_range not in (None, (0.0, 1.0)):
        low, high = value_range
        return f"The output is on a scale where 0 stands for {low:g} and 1 for {high:g}."
    if isinstance(head, TextHead) and head.is_original:
        return (
            "The head is one dense layer on [CLS], written as the dense, GELU, dense of transformers "
            "so that the outputs are the same. To train it further in transformers, start its "
            "`classifier` afresh."
        )
    return ""


def _pretraining_data(settings) -> dict:
    store = settings.get("store", {})
    found = {"store fingerprint": store.get("fingerprint")}
    manifest = readable_json(pathlib.Path(store.get("path", "")) / "manifest.json")
    # A store elsewhere by now, or another one under the same name, says nothing about this run.
    if not manifest or manifest.get("fingerprint") != store.get("fingerprint"):
        return found
    sources = [
        pathlib.PurePath(source.get("name", "")).name for source in manifest.get("sources", [])
    ]
    for name, what in (("num_tokens", "tokens"), ("num_documents", "documents")):
        if isinstance(manifest.get(name), int):
            found[what] = f"{manifest[name]:,}"
    if sources:
        found["sources"] = ", ".join(sources[:8]) + (", …" if len(sources) > 8 else "")
    return found


def _task_data(settings) -> dict:
    kinds = settings.get("tasks", {})
    found = {"tasks": ", ".join(f"{name} ({kind})" for name, kind in kinds.items())}
    for name, splits in settings.get("data", {}).items():
        for split, fingerprint in splits.items():
            found[f"SHA-256 of {name}, {split}"] = fingerprint
    return found


def _training(settings, rows, run) -> dict:
    group = settings.get("pretrain") or settings.get("finetune") or {}
    optimizer = group.get("optimizer", {})
    found = {
        "size": group.get("size"),
        "objective": group.get("objective", {}).get("objective"),
        "batch size": group.get("batch_size"),
        "sequence length": group.get("sequence_length"),
        "learning rate": optimizer.get("learning_rate"),
        "epochs": group.get("epochs"),
        "seed": group.get("seed"),
        "precision": group.get("dtype_policy"),
    }
    last = rows[-1] if rows else {}
    if isinstance(last.get("step"), int):
        found["steps"] = f"{last['step']:,}"
    if isinstance(last.get("tokens"), int):
        found["tokens seen"] = f"{last['tokens']:,}"
    seconds = _seconds(rows)
    if seconds:
        found["time"] = f"{seconds / 3600:.3g} hours of training"
    found["command"] = _command(run)
    return {what: value for what, value in found.items() if value is not None}


def _command(run) -> str | None:
    """The command that started the run; None where another program, such as a notebook, did."""
    for event in run.events():
        program, _, rest = str(event.get("command", "")).partition(" ")
        if event.get("kind") == "start":
            return f"`{program} {rest}`" if program == "keras-electra" else None
    return None


def _seconds(rows) -> float:
    """Seconds of training, over all trials."""
    last_of_trial = {row.get("trial"): row["seconds"] for row in rows if row.get("seconds")}
    return sum(last_of_trial.values())


def _hardware(environment, run) -> dict:
    versions = environment.get("versions", {})
    backend = environment.get("backend")
    named = {name: versions[name] for name in ("keras", backend) if name in versions}
    return {
        "device": run.status().get("device") or environment.get("device"),
        "processors": environment.get("processors"),
        "system": environment.get("system"),
        "backend": backend,
        "versions": ", ".join(f"{name} {version}" for name, version in named.items()),
    }


def _pretraining_figures(rows) -> dict:
    last = rows[-1] if rows else {}
    found = {name: f"{last[name]:.4f}" for name in FIGURES if isinstance(last.get(name), float)}
    return {f"{name} (training, last interval)": value for name, value in found.items()}


def _task_figures(run) -> dict:
    results, found = readable_json(run.path / "results.json"), {}
    for entry in results.get("results", []):
        for name, summary in entry["metrics"].items():
            if isinstance(summary.get("mean"), float):
                what = f"{entry['task']} {name}, {entry['split']}"
                found[what] = f"{summary['mean']:.4f} (mean of {len(results['trials'])} trials)"
    return found
