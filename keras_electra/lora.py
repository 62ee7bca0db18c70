"""Low-rank updates of an encoder's kernels, trained in place of the encoder (Hu et al., 2021)."""

from collections.abc import Sequence

from keras_electra.backbone import ElectraBackbone
from keras_electra.config.finetune import LORA_TARGETS
from keras_electra.errors import InputError


def add_lora(
    backbone: ElectraBackbone,
    rank: int = 8,
    alpha: float = 16.0,
    targets: Sequence[str] = ("query", "value"),
) -> None:
    """Freeze a backbone and put a trainable low-rank update beside some of its kernels, in place.

    A kernel W (inputs, outputs) acts as `W + alpha / rank * down @ up`, with `down` (inputs, rank) and
    `up` (rank, outputs) zero at the start, so that at first nothing changes. Each of query, key and
    value has an update of its own within the kernel that they share. Compile the model afterwards.

    Args:
        backbone: its embeddings are frozen too, wherever else they are used.
        rank: of each update.
        alpha: scale of the updates, divided by the rank.
        targets: names of `query`, `key`, `value`, `output` (of the attention) and `feed_forward` (both
            of its kernels).

    Raises:
        InputError: for a wrong argument, or a backbone that has low-rank updates.

    Example:

    >>> backbone = ke.ElectraBackbone.from_size("tiny", vocabulary_size=1000, num_layers=1)
    >>> ke.add_lora(backbone, rank=4, targets=("query", "feed_forward"))
    >>> len(backbone.trainable_variables)  # down and up for each of three kernels
    6
    """
    if backbone.lora is not None:
        raise InputError(
            f"backbone: expected one without low-rank updates, received one with {backbone.lora}"
        )
    if rank < 1 or alpha <= 0:
        raise InputError(
            f"rank, alpha: expected at least 1 and more than 0, received {rank} and {alpha}"
        )
    if not targets or isinstance(targets, str) or not set(targets) <= set(LORA_TARGETS):
        raise InputError(f"targets: expected names of {LORA_TARGETS}, received {targets!r}")
    backbone.add_adapters(rank, alpha, targets)


def merge_lora(backbone: ElectraBackbone) -> None:
    """Add the low-rank updates to the kernels and remove them; every weight is trainable afterwards.

    Outputs stay as they are but for rounding. Compile the model again before training on.

    Raises:
        InputError: if there are none.

    Example:

    >>> backbone = ke.ElectraBackbone.from_size("tiny", vocabulary_size=1000, num_layers=1)
    >>> ke.add_lora(backbone)
    >>> ke.merge_lora(backbone)
    >>> backbone.lora is None
    True
    """
    if backbone.lora is None:
        raise InputError("backbone: expected one with low-rank updates, received one without")
    backbone.merge_adapters()
