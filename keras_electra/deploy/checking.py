"""How far another form of a network is from the network, told at the moment of writing.

Shapes: B examples, T tokens, K beam size.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from keras_electra.deploy.network import Deployment
from keras_electra.errors import ElectraError
from keras_electra.tasks.kinds import kind_of
from keras_electra.tasks.probabilities import sigmoid

TOLERANCE = 1e-4
"""Largest difference between outputs in float32."""

INT8_TOLERANCE = 0.02
"""Mean difference between probabilities, or values of 0 to 1, in int8."""

UNLIKELY = -500.0
"""Log-probabilities below this are of places that cannot be an answer."""


class DifferenceError(ElectraError, ArithmeticError):
    """A form of a model that does not say what the model says (exit code 2)."""


@dataclasses.dataclass(frozen=True)
class Difference:
    """Between two forms of a network, over the sample batches.

    Attributes:
        largest: of outputs, or of probabilities in int8.
        mean: of the same.
    """

    largest: float
    mean: float

    def __str__(self):
        return f"largest difference {self.largest:.1e}, mean {self.mean:.1e}"


def checked(deployed: Deployment, outputs: Callable[[dict], dict], *, is_int8: bool = False):
    """The `Difference` between Keras and another form.

    Args:
        outputs: gives that form's outputs for the inputs of a batch.
        is_int8: whether probabilities are compared, by `INT8_TOLERANCE` and their mean; otherwise
            outputs, by `TOLERANCE` and their largest difference.

    Raises:
        DifferenceError: above the tolerance.
    """
    gaps = []
    for inputs, expected in deployed.samples:
        received = outputs(inputs)
        if set(expected) != set(received):
            raise DifferenceError(
                f"outputs: expected {sorted(expected)}, received {sorted(received)}"
            )
        if is_int8:
            expected, received = (chances(deployed.about["kind"], x) for x in (expected, received))
        gaps.append(gaps_of(expected, received, inputs["padding_mask"]))
    gaps = np.concatenate(gaps)
    found = Difference(float(gaps.max()), float(gaps.mean()))
    value, limit = (found.mean, INT8_TOLERANCE) if is_int8 else (found.largest, TOLERANCE)
    # Written this way, NaN is refused too.
    if not value <= limit:
        what = "mean difference of probabilities" if is_int8 else "largest difference"
        raise DifferenceError(
            f"the exported model: expected a {what} to Keras of at most {limit:g}, "
            f"received {value:.3g}; nothing was written"
        )
    return found


def gaps_of(expected: dict, received: dict, padding_mask) -> np.ndarray:
    """The differences of all numbers that mean something: not of padded places."""
    if "start_top_positions" in expected:
        expected, received = by_place(expected, padding_mask), by_place(received, padding_mask)
    gaps = []
    for name, value in expected.items():
        other = np.asarray(received[name], np.float64)
        if value.shape != other.shape:
            raise DifferenceError(
                f"output {name!r}: expected shape {value.shape}, received {other.shape}"
            )
        gap = np.abs(value - other)
        if value.shape[:2] == padding_mask.shape and value.ndim > 1:
            gap = gap[padding_mask]
        gaps.append(gap.ravel())
    return np.concatenate(gaps)


def by_place(outputs: dict, padding_mask) -> dict:
    """Beams as what does not depend on the order of equally likely ones: log-probabilities of places.

    Starts become (B, T), the likeliest end of each start (B, T); 0 where there is no beam.
    """
    starts, ends = np.zeros(padding_mask.shape), np.zeros(padding_mask.shape)
    log_probs, best_ends = outputs["start_top_log_probs"], outputs["end_top_log_probs"].max(-1)
    rows, beams = np.nonzero(log_probs > UNLIKELY)
    places = outputs["start_top_positions"][rows, beams]
    starts[rows, places], ends[rows, places] = log_probs[rows, beams], best_ends[rows, beams]
    rest = {name: value for name, value in outputs.items() if "_top_" not in name}
    return {**rest, "starts": starts, "ends": ends}


def chances(kind: str, outputs: dict) -> dict:
    """Outputs as probabilities, or as values of 0 to 1; of answers, those of the starts."""
    if kind == "detection":
        return {"chances": sigmoid(outputs["logits"])}
    return kind_of(kind).chances(outputs)
