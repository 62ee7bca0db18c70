"""A run and a store that an earlier version wrote are gone on with, to the digit."""

import json
import pathlib
import shutil

import keras
import pytest

import keras_electra as ke
from keras_electra.cli import main
from keras_electra.runs import RunFolder
from keras_electra.store import Store

RECORDED = pathlib.Path(__file__).parent / "recorded_run"
# The run was written on JAX; another backend sums in another order.
TOLERANCE = 1e-5 if keras.backend.backend() == "jax" else 1e-4


@pytest.fixture
def recorded(tmp_path):
    for name in ("run", "store"):
        shutil.copytree(RECORDED / name, tmp_path / name)
    return tmp_path


def test_its_store_opens(recorded):
    store = Store(recorded / "store")
    assert store.manifest.num_tokens == 24_953
    assert main(["store", "show", str(recorded / "store"), "--verify"]) == 0


def test_its_model_opens(recorded):
    with pytest.warns(UserWarning, match="state.json") as said:
        model = ke.load(recorded / "run")
    assert len({str(one.message) for one in said if "state.json" in str(one.message)}) == 1
    assert model.step == 20


def test_it_goes_on(recorded):
    """Batches, masks and samples are the same, or the losses would not be."""
    arguments = ["--store", str(recorded / "store"), "--run-dir", str(recorded / "run")]
    assert main(["pretrain", *arguments]) == 0
    expected = [
        json.loads(line) for line in (RECORDED / "continued.jsonl").read_text().splitlines()
    ]
    rows = [row for row in RunFolder(recorded / "run").log_rows() if row["step"] > 20]
    assert [row["step"] for row in rows] == list(range(21, 41))
    for row, one in zip(rows, expected, strict=True):
        assert row == pytest.approx({**row, **one}, rel=TOLERANCE), one["step"]
