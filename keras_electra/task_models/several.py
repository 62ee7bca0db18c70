"""Several tasks at once on one backbone."""

from collections.abc import Mapping

import keras

from keras_electra import backends
from keras_electra.assets import TokenizerAsset
from keras_electra.errors import InputError
from keras_electra.statistics import TaskStatistics
from keras_electra.task_models.base import INPUTS, TaskModel, layer_name
from keras_electra.task_models.raw_input import RawInput
from keras_electra.tasks.kinds import kind_of


@keras.saving.register_keras_serializable("keras_electra")
class SeveralTasks(TokenizerAsset, RawInput, backends.TrainStep, keras.Model):
    """Task models that share a backbone, trained together; each can be used by itself afterwards.

    Called with a batch of `MixedTaskBatches`: the inputs that all tasks share, and each task's other
    arrays named "task/array". The encoder runs once, every head on every row. Returns a dict of the
    outputs of each task. The loss is the sum of the tasks' losses, each over the rows that its
    `example_weights` count.

    Args:
        models: name of each task -> its model; all on one backbone, none `MultipleChoice`, whose inputs
            have another shape.
        seed, accumulation_steps, name: as of `TaskModel`.

    Attributes:
        models: as given.
        backbone: the one of all.
        tokenizer: of its ids, or None.
        sequence_length: longest input in training, or None.
    """

    def __init__(
        self,
        models: Mapping[str, TaskModel],
        *,
        seed=0,
        accumulation_steps=1,
        name="several_tasks",
    ):
        backbones = {id(model.backbone): model.backbone for model in models.values()}
        if len(backbones) != 1 or any(kind_of(m.kind).has_choices for m in models.values()):
            raise InputError(
                "models: expected task models on one backbone, and none for multiple choice, received "
                f"{ {name: type(model).__name__ for name, model in models.items()} } on "
                f"{len(backbones)} backbones"
            )
        (backbone,) = backbones.values()
        super().__init__(name=layer_name(name), dtype=backbone.dtype_policy, autocast=False)
        self.backbone = backbone
        self.models = dict(models)
        self.seed = seed
        self.accumulation_steps = accumulation_steps
        self.tokenizer = None
        self.sequence_length = None
        names = [
            f"{task}_{figure}" for figure in ("loss", "accuracy") for task in self._with(figure)
        ]
        self.statistics = TaskStatistics(names)
        backends.allow_any_shape(self)
        self.built = True

    def _with(self, figure):
        """Names of the tasks that have a figure."""
        return [task for task, model in self.models.items() if figure in model.figures]

    def call(self, batch, training=None):
        inputs = {name: batch[name] for name in INPUTS if batch.get(name) is not None}
        hidden = self.backbone(inputs, training=training)
        return {
            task: model.outputs(hidden, part_of(batch, task), training)
            for task, model in self.models.items()
        }

    def loss_totals(self, batch):
        """The sums of weights of each task over a whole batch."""
        return {
            task: model.loss_totals(part_of(batch, task)) for task, model in self.models.items()
        }

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The sum of the tasks' losses; their figures are updated on the way."""
        totals = x.get("totals") or self.loss_totals(x)
        loss, parts, wholes = 0.0, {}, {}
        for task, model in self.models.items():
            task_loss, sums = model.loss_and_sums(part_of(x, task), y_pred[task], totals[task])
            loss += task_loss
            half = len(model.figures)
            for figure, part, whole in zip(model.figures, sums, sums[half:], strict=False):
                parts[f"{task}_{figure}"], wholes[f"{task}_{figure}"] = part, whole
        names = self.statistics.names
        self.statistics.update_state([parts[n] for n in names] + [wholes[n] for n in names])
        return backends.scaled_for_replicas(loss)

    def encoded(self, x, y=None, is_training=False):
        """Refuse raw examples, of which it is not said for which task they are."""
        raise InputError(
            f"x: expected batches of {list(self.models)} as of MixedTaskBatches; raw examples go to "
            "one of `models`"
        )

    def get_config(self):
        parts = {}
        for task, model in self.models.items():
            config = model.get_config()
            del config["backbone"]
            parts[task] = {"class_name": type(model).__name__, "config": config}
        return {
            "backbone": keras.saving.serialize_keras_object(self.backbone),
            "models": parts,
            "seed": self.seed,
            "accumulation_steps": self.accumulation_steps,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        backbone = keras.saving.deserialize_keras_object(config["backbone"])
        models = {}
        for task, part in config["models"].items():
            kind = keras.saving.get_registered_object(f"keras_electra>{part['class_name']}")
            models[task] = kind(backbone, **part["config"])
        own = {name: config[name] for name in ("seed", "accumulation_steps", "name")}
        return cls(models, **own)


def part_of(batch, task):
    """One task's arrays of a mixed batch, under their own names, and the inputs."""
    prefix = f"{task}/"
    part = {name: batch[name] for name in INPUTS if batch.get(name) is not None}
    for name, value in batch.items():
        if name.startswith(prefix):
            part[name.removeprefix(prefix)] = value
    return part
