"""Plans as Python programs, to be copied into a notebook or a script."""

from collections.abc import Mapping

from keras_electra.config.corpus import DOCUMENT_OPTIONS
from keras_electra.launching.commands import keywords, literal
from keras_electra.launching.finetune_plan import FinetunePlan
from keras_electra.launching.pretrain_plan import MAX_VOCABULARY_TEXT_BYTES, PretrainPlan


def pretrain_program(plan: PretrainPlan) -> str:
    """A Python program that does what the plan's commands do."""
    lines = [*beginning(plan.backend), "import keras_electra as ke"]
    if plan.prepared_store is None:
        lines += ["from keras_electra.corpus import Files, sample_lines"]
    lines += [""]
    if plan.prepared_store is None:
        lines += [f"sources = Files({literal(plan.sources)})"]
        lines += vocabulary_lines(plan) + store_lines(plan)
    lines += [
        f"store = ke.Store({literal(plan.store_path)})",
        f"config = ke.PretrainConfig.from_size({literal(plan.size)}, "
        f"store.manifest.vocabulary_size{keywords(plan.options)})",
        f"outcome = ke.pretrain(config, store, {literal(plan.run_dir)})",
    ]
    return "\n".join(lines) + "\n"


def beginning(backend: str | None) -> list[str]:
    """The lines that choose the backend."""
    if backend is None:
        return []
    setting = f'os.environ["KERAS_BACKEND"] = {literal(backend)}'
    return ["import os", "", f"{setting}  # before Keras is imported", ""]


def vocabulary_lines(plan: PretrainPlan) -> list[str]:
    """The lines that learn or open the vocabulary."""
    path, options = literal(plan.vocabulary_path), plan.given("tokenizer")
    if plan.vocabulary is not None:
        changes = keywords(options)
        return [f"tokenizer = ke.WordPieceTokenizer.from_file({path}{changes})"]
    config = call("ke.TokenizerConfig", options)
    reading = plan.given("corpus")
    reading = {name: reading[name] for name in reading if name not in DOCUMENT_OPTIONS}
    corpus = call("ke.CorpusConfig", reading)
    return [
        "import pathlib",
        f"lines = sample_lines(sources, {MAX_VOCABULARY_TEXT_BYTES}, {corpus})",
        f"tokenizer = ke.WordPieceTokenizer.train(lines, {plan.vocabulary_size}, {config})",
        f"pathlib.Path({literal(plan.data_dir)}).mkdir(parents=True, exist_ok=True)",
        f"tokenizer.save({path})",
    ]


def store_lines(plan: PretrainPlan) -> list[str]:
    """The lines that prepare the store."""
    configs = ", ".join(
        call(f"ke.{kind}", plan.given(group))
        for kind, group in (
            ("StoreConfig", "store"),
            ("CorpusConfig", "corpus"),
            ("DuplicatesConfig", "duplicates"),
        )
    )
    return [f"ke.prepare_store(sources, tokenizer, {literal(plan.store_path)}, {configs})"]


def call(name: str, options: Mapping) -> str:
    """A call with options by name."""
    return f"{name}({keywords(options).removeprefix(', ')})"


def finetune_program(plan: FinetunePlan) -> str:
    """A Python program that does what a plan's command does."""
    lines = [
        *beginning(plan.backend),
        "import keras_electra as ke",
        "from keras_electra.finetuning import recipe_for",
        "",
    ]
    data, task = literal(plan.data), "task"
    if plan.task is not None:
        task = literal(plan.task)
    else:
        given = {name: value for name, value in plan.columns.items() if value not in (None, ())}
        lines += [f"task, found = ke.own_task({data}{keywords(given)})", "print(found)"]
    lines += [
        f"start, config = recipe_for({literal(plan.model)}, {task}{keywords(plan.all_options)})",
        f"outcome = ke.finetune(start, {task}, {data}, {literal(plan.run_dir)}, config=config)",
    ]
    return "\n".join(lines) + "\n"
