"""Killed at any moment, a run goes on as if nothing had happened."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

NUM_STEPS = 60
NUM_KILLS = 5
TRAIN = """
import json, sys
from keras_electra import PretrainConfig, pretrain

store, run_dir, options = sys.argv[1:]
outcome = pretrain(PretrainConfig.from_dict(json.loads(options)), store, run_dir)
sys.exit(outcome.exit_code)
"""
LOSSES = ("loss", "mlm_loss", "rtd_loss", "generator_accuracy", "rtd_auc", "gradient_norm")


@pytest.fixture
def options(tiny_config):
    """Dropout on; a checkpoint every 7 steps cuts most logging intervals of 3 in two."""
    return json.dumps(
        tiny_config(
            steps=NUM_STEPS, log_every_steps=3, checkpoint_every_steps=7, keep_checkpoints=2
        ).to_dict()
    )


def start(store, run_dir, options):
    program = [sys.executable, "-c", TRAIN, str(store.path), str(run_dir), options]
    return subprocess.Popen(program, stderr=subprocess.PIPE, text=True)


def rows_of(run_dir):
    path = run_dir / "log.jsonl"
    lines = path.read_text().split("\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in lines]


def losses_of(run_dir):
    return [(row["step"], *(row[name] for name in LOSSES)) for row in rows_of(run_dir)]


def last_step(run_dir):
    return max((row["step"] for row in rows_of(run_dir)), default=0)


def wait_for_step(process, run_dir, step):
    while process.poll() is None and last_step(run_dir) < step:
        time.sleep(0.005)


@pytest.mark.full
def test_five_kills_change_no_loss(store, options, tmp_path):
    whole = start(store, tmp_path / "whole", options)
    assert whole.wait() == 0, whole.stderr.read()
    rng = random.Random(os.environ.get("KILL_SEED"))
    for number in range(NUM_KILLS):
        process = start(store, tmp_path / "killed", options)
        wait_for_step(process, tmp_path / "killed", 9 * (number + 1))
        time.sleep(rng.random() * 0.05)
        process.kill()
        process.wait()
        assert process.returncode == -signal.SIGKILL, process.stderr.read()
    process = start(store, tmp_path / "killed", options)
    assert process.wait() == 0, process.stderr.read()
    assert losses_of(tmp_path / "killed") == losses_of(tmp_path / "whole")
    assert last_step(tmp_path / "killed") == NUM_STEPS


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_leaves_a_checkpoint_of_the_step_it_came_at(
    store, options, tmp_path, number, exit_code
):
    process = start(store, tmp_path / "run", options.replace('"steps": 60', '"steps": 100000'))
    wait_for_step(process, tmp_path / "run", 12)
    process.send_signal(number)
    assert process.wait(timeout=60) == exit_code, process.stderr.read()
    status = json.loads((tmp_path / "run" / "status.json").read_text())
    assert status["state"] == "interrupted"
    newest = max(path.name for path in (tmp_path / "run" / "checkpoints").iterdir())
    assert newest == f"step_{status['step']:08d}"
