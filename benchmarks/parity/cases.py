"""What both sides are given: an encoder, the examples of a task, and the settings."""

import dataclasses

from keras_electra.backbone import ElectraBackbone
from keras_electra.config.finetune import FinetuneConfig
from keras_electra.convert import from_huggingface
from keras_electra.tasks.encoding import EncodedExamples, encode, labels_of
from keras_electra.tasks.kinds import kind_of
from keras_electra.tasks.known import known_task
from keras_electra.tasks.predictions import predictions
from keras_electra.tasks.task import Task
from parity.limits import some

JUDGED = {
    "mrpc": "validation",
    "cola": "validation",
    "rte": "validation",
    "stsb": "validation",
    "chunk": "test",
}
"""Task -> the split that is judged; CoNLL-2000 has no validation part of its own."""

WORD_PIECE_ROOM = "a sequence_length that holds every judged sentence whole"


@dataclasses.dataclass(frozen=True)
class Case:
    """One task, ready for both sides.

    Attributes:
        task, labels: as in the package.
        config: the settings that both sides keep.
        model_folder: the Hugging Face folder.
        encoder: the same in this package, with its `tokenizer`.
        train, judged: the examples as rows of token ids; `.examples` are the texts.
    """

    task: Task
    labels: tuple[str, ...] | None
    config: FinetuneConfig
    model_folder: str
    encoder: ElectraBackbone
    train: EncodedExamples
    judged: EncodedExamples

    @property
    def num_outputs(self) -> int:
        """Outputs of the head: labels, or one number."""
        return len(self.labels) if self.labels else 1

    @property
    def steps(self) -> int:
        """Updates of a whole training."""
        return int(-(-len(self.train) // self.config.batch_size) * self.config.epochs)

    @property
    def warmup_steps(self) -> int:
        """Updates over which the rate rises."""
        return int(self.config.warmup_fraction * self.steps)

    def scores(self, outputs) -> dict[str, float]:
        """{metric: value} of the outputs of the judged rows, in their order."""
        return self.scores_of_rows(predictions(self.judged, outputs))

    def scores_of_rows(self, rows) -> dict[str, float]:
        """{metric: value} of rows of predictions."""
        return kind_of(self.task.kind).figures(rows, metrics=self.task.metrics, labels=self.labels)


def settings(options, **changes) -> FinetuneConfig:
    """The hyper-parameters of both sides: what AdamW has in both, and no layer-wise rates."""
    return FinetuneConfig.for_task(
        {},
        **{
            "learning_rate": options.learning_rate,
            "layer_decay": None,
            "weight_decay_rate": 0.01,
            "bias_correction": True,
            "epsilon": 1e-6,
            "clip_norm": 1.0,
            "warmup_fraction": 0.1,
            "epochs": options.epochs,
            "batch_size": options.batch_size,
            "sequence_length": options.sequence_length,
            **changes,
        },
    )


def read_cases(options, config: FinetuneConfig):
    """Yields the case of each task asked for; the encoder is opened once."""
    encoder = from_huggingface(options.model)["backbone"]
    for name in options.tasks:
        task = known_task(name)
        data = options.conll2000 if name == "chunk" else options.glue
        if data is None:
            raise SystemExit(f"{name}: expected the folder of its data, see --help")
        train = some(task.read(data, "train"), options.max_train_examples)
        judged = some(task.read(data, JUDGED[name]), options.max_eval_examples)
        labels = labels_of(task, train, config)
        encoded = [
            encode(
                task, examples, encoder.tokenizer, config, labels=labels, is_training=is_training
            )
            for examples, is_training in ((train, True), (judged, False))
        ]
        if len(encoded[1]) != len(judged):
            raise SystemExit(f"{name}: expected {WORD_PIECE_ROOM}")
        yield Case(task, labels, config, str(options.model), encoder, *encoded)
