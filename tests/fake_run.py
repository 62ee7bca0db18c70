"""A run without a model: a process that logs made-up figures of pretraining and obeys commands.

python fake_run.py FOLDER [STEPS] [ROWS PER SECOND]
"""

import math
import sys
import time

from keras_electra.processes import memory_bytes
from keras_electra.runs import RunSession

STEPS_PER_ROW = 10


def figures(step: int) -> dict:
    """One row, much as that of a small model."""
    done = 1 - math.exp(-step / 2000)
    wave = 0.02 * math.sin(step / 70)
    replaced = 0.14 - 0.04 * done
    now, peak = memory_bytes()
    return {
        "step": step,
        "tokens": 4096 * step,
        "loss": 26 - 8 * done,
        "mlm_loss": 7.5 - 3 * done + 5 * wave,
        "generator_accuracy": 0.05 + 0.3 * done + wave,
        "sampled_accuracy": 0.02 + 0.2 * done,
        "rtd_loss": 0.42 - 0.12 * done + wave,
        "rtd_accuracy": 1 - replaced + 0.03 * done,
        "rtd_precision": 0.4 + 0.4 * done + wave,
        "rtd_recall": 0.05 + 0.4 * done,
        "rtd_auc": 0.5 + 0.35 * done + wave,
        "replaced_rate": replaced,
        "gradient_norm": 1.5 - done + wave,
        "learning_rate": 5e-4 * min(1, step / 500),
        "skipped_steps": 0,
        "tokens_per_second": 41_000 + 9_000 * wave,
        "data_wait_seconds": 0.001,
        "seconds": step / 10,
        "memory_bytes": now or 4e8,
        "peak_memory_bytes": peak or 5e8,
    }


def main(folder: str, steps: int = 20_000, rows_per_second: float = 5.0) -> None:
    config = {"pretrain": {"steps": steps, "size": "fake", "seed": 0}}
    session = RunSession(
        folder,
        config=config,
        vocabulary=b"[PAD]\n",
        environment={"backend": "none"},
        steps=steps,
        details={"backend": "none"},
    )
    with session:
        session.append_event("baselines", unigram_entropy=6.4, unigram_accuracy=0.05)
        step, is_paused, state = 0, False, "finished"
        while step < steps:
            for command in session.take_commands():
                kind = command["command"]
                if kind in ("pause", "checkpoint") or (
                    kind == "stop" and command.get("save", True)
                ):
                    path = session.folder.checkpoint_path(step)
                    path.mkdir(exist_ok=True)
                    session.append_event("checkpoint", step=step)
                if kind in ("pause", "resume"):
                    is_paused = kind == "pause"
                    session.append_event(kind, step=step)
                    session.set_state("paused" if is_paused else "running", step)
                session.answer_command(command, step=step)
                if kind == "stop":
                    state, steps = "stopped", step
            if not is_paused and step < steps:
                step += STEPS_PER_ROW
                session.append_log(figures(step))
                session.set_state("running", step)
            time.sleep(1 / rows_per_second)
        session.set_state(state, step)
        session.append_event("finish" if state == "finished" else "stop", step=step)


if __name__ == "__main__":
    main(sys.argv[1], *(kind(text) for kind, text in zip((int, float), sys.argv[2:], strict=False)))
