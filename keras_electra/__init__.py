"""ELECTRA on Keras 3: pretrain, watch, inspect, fine-tune and hand over.

Importing this package imports neither Keras nor a backend: its names are looked up at first use.
"""

import importlib

from keras_electra.errors import MissingExtraError

__version__ = "0.1.0"

_HOMES = {
    "AnswerConfig": "config.finetune",
    "CorpusConfig": "config.corpus",
    "DuplicatesConfig": "config.store",
    "ElectraBackbone": "backbone",
    "ElectraPretrainer": "pretrainer",
    "EncoderConfig": "config.encoder",
    "ExtractiveQA": "task_models",
    "FinetuneConfig": "config.finetune",
    "Inspector": "inspection",
    "MaskedLMHead": "heads",
    "MaskingConfig": "config.masking",
    "MultipleChoice": "task_models",
    "ObjectiveConfig": "config.objective",
    "OnnxModel": "onnx_model",
    "OptimizerConfig": "config.optimizer",
    "PretrainBatches": "batches",
    "PretrainConfig": "config.pretrain",
    "ReplacedTokenHead": "heads",
    "RunLogger": "run_logger",
    "SeveralTasks": "task_models",
    "Scenario": "traces",
    "Store": "store",
    "StoreConfig": "config.store",
    "Task": "tasks",
    "TextClassifier": "task_models",
    "TextRegressor": "task_models",
    "TokenClassifier": "task_models",
    "TokenizerConfig": "config.tokenizer",
    "Trace": "traces",
    "WordPieceTokenizer": "tokenizer",
    "add_lora": "lora",
    "add_to_store": "store",
    "build_store": "store",
    "compare_results": "comparing",
    "detect": "predict",
    "evaluate": "evaluation",
    "export_onnx": "deploy.onnx_file",
    "finetune": "finetuning",
    "import_tfrecords": "store",
    "known_task": "tasks",
    "load": "opening",
    "merge_lora": "lora",
    "merge_stores": "store",
    "own_task": "tasks",
    "prepare_store": "store",
    "pretrain": "pretraining",
    "profile": "profiling",
    "pseudo_log_likelihood": "predict",
    "save_preset": "presets",
    "search": "finetuning",
    "split_store": "store",
    "trace": "tracing",
}
_MODULES = ("convert", "models")

__all__ = sorted([*_HOMES, *_MODULES])


def __getattr__(name):
    if name in _MODULES:
        return _imported(f"{__name__}.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(_imported(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def _imported(module):
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name not in ("jax", "tensorflow", "torch"):
            raise
        raise MissingExtraError(
            f"the backend {error.name!r}, which Keras is set to (KERAS_BACKEND chooses another),",
            error.name,
        ) from error


def __dir__():
    return __all__
