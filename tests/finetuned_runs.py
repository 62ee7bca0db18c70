"""Folders such as fine-tuning runs leave, of each kind of task, without any training."""

import json

from keras_electra.files import write_json

LABELS = {
    "classification": ("no", "yes"),
    "multi_label": ("a", "b"),
    "tagging": ("O", "B-PER", "I-PER"),
}
CONTEXT = "Ada Lovelace lived in London , and Charles Babbage did too ."
EVIL = "<script>alert(1)</script>"


def label_row(number, gold, chance):
    row = {
        "label": "yes" if chance > 0.5 else "no",
        "probabilities": {"no": 1 - chance, "yes": chance},
    }
    return {"id": f"e{number}", **row, "gold": gold}


def value_row(number, gold, value):
    return {"id": f"e{number}", "value": value, "gold": gold}


def tag_row(number, words, gold, tags, chances):
    return {
        "id": f"e{number}",
        "words": words,
        "tags": tags,
        "gold": gold,
        "probabilities": chances,
    }


def answer_row(number, gold, start, end, chance):
    text = CONTEXT[start:end]
    best = {"text": text, "start": start, "end": end, "score": 0.0, "probability": chance}
    return {"id": f"e{number}", "answer": text, "gold": gold, "null_odds": None, "n_best": [best]}


def text_example(number, text, label, second_text=None):
    return {"id": f"e{number}", "text": text, "second_text": second_text, "label": label}


def question_example(number, question, answers):
    found = [{"text": text, "start": CONTEXT.index(text)} for text in answers]
    return {"id": f"e{number}", "question": question, "context": CONTEXT} | {
        "answers": found,
        "is_impossible": not found,
    }


ROWS = {
    "classification": [
        label_row(0, "yes", 0.9),
        label_row(1, "no", 0.8),
        label_row(2, "yes", 0.45),
        label_row(3, "no", 0.1),
        label_row(4, "no", 0.3),
        label_row(5, None, 0.6),
    ],
    "multi_label": [
        {"id": "e0", "labels": ["a"], "gold": ["a"], "probabilities": {"a": 0.9, "b": 0.2}},
        {"id": "e1", "labels": ["a"], "gold": ["b"], "probabilities": {"a": 0.6, "b": 0.1}},
    ],
    "regression": [value_row(0, 1.0, 1.25), value_row(1, 4.0, 2.0), value_row(2, 3.0, 3.0)],
    "tagging": [
        tag_row(
            0,
            ["Ada", "Lovelace", "met", "Charles"],
            ["B-PER", "I-PER", "O", "B-PER"],
            ["B-PER", "O", "O", "B-PER"],
            [0.9, 0.6, 0.8, 0.7],
        ),
        tag_row(1, ["Nobody", "came"], ["O", "O"], ["O", "O"], [0.9, 0.99]),
    ],
    "multiple_choice": [
        {"id": "e0", "choice": 1, "gold": 1, "probabilities": [0.2, 0.8]},
        {"id": "e1", "choice": 0, "gold": 1, "probabilities": [0.7, 0.3]},
    ],
    "question_answering": [
        answer_row(0, ["London"], 22, 28, 0.8),
        answer_row(1, ["Charles Babbage"], 35, 42, 0.6),
        answer_row(2, [], 0, 3, 0.5),
    ],
}
EXAMPLES = {
    "classification": [
        text_example(0, "A lovely film", "yes"),
        text_example(1, f"A dull film {EVIL}", "no"),
        text_example(2, "Lovely, but far too long for what it has to say", "yes"),
        text_example(3, "Dull", "no"),
        text_example(4, "So dull", "no"),
        text_example(5, "A film", None),
    ],
    "multi_label": [text_example(0, "one", ["a"]), text_example(1, "two", ["b"])],
    "regression": [
        text_example(0, "a", 1.0, "b"),
        text_example(1, "c", 4.0, "d"),
        text_example(2, "e", 3.0),
    ],
    "tagging": [
        {"id": "e0", "words": ["Ada"], "tags": None},
        {"id": "e1", "words": [], "tags": None},
    ],
    "multiple_choice": [
        {"id": "e0", "question": "Which?", "choices": ["this", "that"], "label": 1},
        {"id": "e1", "question": "Who?", "choices": ["he", "she"], "label": 1},
    ],
    "question_answering": [
        question_example(0, "Where did Ada live?", ["London"]),
        question_example(1, "Who else?", ["Charles Babbage"]),
        question_example(2, "Why?", []),
    ],
}
METRICS = {
    "classification": {"accuracy": 0.6},
    "multi_label": {"subset_accuracy": 0.5},
    "regression": {"pearson": 0.5},
    "tagging": {"span_f1": 0.5},
    "multiple_choice": {"accuracy": 0.5},
    "question_answering": {"exact_match": 1 / 3},
}


def write_run(path, kind="classification", num_trials=2, num_done=2, state="finished"):
    """Write the folder of a run; its only task is "t", its splits are validation and, as a copy, test."""
    path.mkdir(parents=True)
    main_metrics = {"t": next(iter(METRICS[kind]))}
    config = {"tasks": {"t": kind}, "finetune": {"num_trials": num_trials, "seed": 0}}
    config["main_metrics"] = main_metrics
    write_json(path / "config.json", config)
    write_json(path / "environment.json", {})
    write_json(path / "status.json", {"state": state, "step": 10, "steps": 10})
    (path / "vocab.txt").write_text("[PAD]\n")
    for trial in range(num_done):
        folder = path / "trials" / f"trial_{trial:02d}"
        for split in ("validation", "test"):
            write_lines(folder / "predictions" / f"{split}.jsonl", ROWS[kind])
            write_lines(path / "examples" / f"{split}.jsonl", EXAMPLES[kind])
        figures = {name: value + 0.1 * trial for name, value in METRICS[kind].items()}
        record = {
            "trial": trial,
            "seed": trial,
            "diverged": [],
            "main": next(iter(figures.values())),
        }
        splits = {"validation": figures, "test": figures}
        write_json(folder / "result.json", {**record, "figures": {"t": splits}, "reports": {}})
    if num_done == num_trials:
        lowest = {split: dict.fromkeys(METRICS[kind], 0.4) for split in ("validation", "test")}
        known = {"baselines": {"t": {"majority": lowest}}, "main_metrics": main_metrics}
        write_json(path / "results.json", known)
    return path


def write_lines(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
