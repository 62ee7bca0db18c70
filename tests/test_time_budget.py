"""A time budget: the schedule reaches its peak and its end, however long and fast the run is."""

import keras
import pytest

from keras_electra.pretraining import pretrain
from keras_electra.runs import RunFolder, TimeBudget, send_command


class Clock:
    """Stands for `time`: it advances when it is told to."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now

    def wait(self, seconds):
        self.now += seconds

    sleep = wait


class Rates(keras.callbacks.Callback):
    """Notes the learning rate of each step, one execution at a time."""

    def __init__(self):
        super().__init__()
        self.rates = {}

    def on_train_batch_begin(self, batch, logs=None):
        optimizer = self.model.optimizer
        done = int(keras.ops.convert_to_numpy(optimizer.iterations))
        for step in range(done + 1, done + 1 + self.model.steps_per_execution):
            fraction = keras.ops.convert_to_numpy(optimizer.rate_fraction_at(step))
            self.rates[step] = float(fraction)


@pytest.fixture
def timed(tiny_config, store, tmp_path, monkeypatch):
    """Pretrain under a clock on which each step takes `seconds_of(step)`; (outcome, rates by step)."""
    clock = Clock()
    for module in ("callbacks", "runs.steering"):
        monkeypatch.setattr(f"keras_electra.{module}.time", clock)

    def run(seconds_of, budget_seconds, then=lambda step: None, callbacks=(), **options):
        rates, done = Rates(), []

        def on_step(step):
            first = done[-1] + 1 if done else step
            clock.wait(sum(map(seconds_of, range(first, step + 1))))
            done.append(step)
            then(step)

        defaults = {"steps": 100_000, "warmup_steps": 1000, "log_every_steps": 1000}
        defaults["checkpoint_every_steps"] = 1000
        config = tiny_config(**{**defaults, "time_budget_minutes": budget_seconds / 60, **options})
        outcome = pretrain(
            config, store, tmp_path / "run", on_step=on_step, callbacks=[rates, *callbacks]
        )
        return outcome, rates.rates

    run.clock = clock
    return run


def assert_whole(rates, outcome):
    """The rates of a schedule with a peak, early in the run, and an end."""
    steps = sorted(rates)
    assert steps[-1] == outcome.step
    assert max(rates.values()) >= 0.95
    assert min(step for step in steps if rates[step] >= 0.95) <= max(0.25 * outcome.step, 5)
    assert rates[outcome.step] <= 0.02
    assert outcome.state == "finished"


@pytest.mark.parametrize("schedule", ["linear", "warmup_stable_decay"])
@pytest.mark.parametrize("step_seconds", [0.04, 0.3])
def test_a_budget_shorter_than_a_logging_interval(timed, schedule, step_seconds):
    outcome, rates = timed(lambda step: step_seconds, 12.0, schedule=schedule)
    assert_whole(rates, outcome)
    # The first step, which compiles, is not counted.
    assert outcome.step == pytest.approx(1 + 12.0 / step_seconds, abs=1)


def test_the_step_that_compiles_is_not_counted(timed):
    outcome, rates = timed(lambda step: 60.0 if step == 1 else 0.1, 12.0)
    assert outcome.step == pytest.approx(121, abs=1)
    assert outcome.run.log_rows()[-1]["seconds"] == pytest.approx(12.0, abs=0.2)
    assert_whole(rates, outcome)


@pytest.mark.parametrize("log_every_steps", [1, 10, 1000])
@pytest.mark.parametrize("factor", [3.0, 1 / 3])
def test_the_machine_changes_its_speed_midway(timed, log_every_steps, factor):
    def seconds_of(step):
        return 0.1 if step <= 60 else 0.1 * factor

    outcome, rates = timed(seconds_of, 12.0, log_every_steps=log_every_steps)
    assert outcome.step == pytest.approx(61 + 60 / factor, abs=2)
    assert_whole(rates, outcome)


def test_three_minutes(timed):
    outcome, rates = timed(lambda step: 0.5, 180.0, log_every_steps=100)
    assert outcome.step == pytest.approx(361, abs=1)
    assert_whole(rates, outcome)
    assert rates[190] == pytest.approx((360 - 190) / (360 - 36), abs=0.02)


def test_a_machine_that_slows_down_in_the_warm_up(timed):
    """The shorter schedule does not jump over its peak."""
    outcome, rates = timed(lambda step: 0.02 if step <= 5 else 0.5, 12.0)
    assert_whole(rates, outcome)


@pytest.mark.parametrize("num_steps", [8, 24])
def test_a_run_of_few_steps_has_its_peak(timed, num_steps):
    """The third step is the first whose schedule is fitted."""
    outcome, rates = timed(lambda step: 12.0 / num_steps, 12.0)
    assert outcome.step == pytest.approx(num_steps + 1, abs=1)
    assert rates[3] == pytest.approx(1.0)
    assert_whole(rates, outcome)


def test_executions_of_several_steps(timed):
    """The last one is planned: the rate falls to 0 with its last step."""
    options = {"steps_per_execution": 8, "log_every_steps": 80, "checkpoint_every_steps": 80}
    outcome, rates = timed(lambda step: 0.1, 12.0, **options)
    assert outcome.step == pytest.approx(8 + 120, abs=8)
    assert_whole(rates, outcome)


def test_stages(timed):
    """A stage of slower steps is measured anew, its first step not counted."""

    def seconds_of(step):
        return 0.1 if step <= 60 else 0.3

    outcome, rates = timed(seconds_of, 12.0, stages="60:16x8")
    assert outcome.step == pytest.approx(61 + 1 + 20, abs=2)
    assert_whole(rates, outcome)


def test_a_budget_that_is_divided_by_a_stop_and_a_pause(timed, tmp_path, monkeypatch):
    """Pauses are not counted, and a resumed run continues its schedule."""
    monkeypatch.setattr("keras_electra.runs.steering.COMMAND_SECONDS", 0)
    run = tmp_path / "run"

    def ask(step):
        if step in (30, 60):
            send_command(run, "pause" if step == 30 else "stop")

    def resume(seconds):
        timed.clock.now += 1000.0
        send_command(run, "resume")

    timed.clock.sleep = resume
    former, before = timed(lambda step: 0.1, 12.0, then=ask)
    assert former.state == "stopped"
    outcome, after = timed(lambda step: 0.1, 12.0)
    assert outcome.step == pytest.approx(122, abs=2)
    assert before[former.step] == pytest.approx(after[former.step + 1], abs=0.03)
    assert_whole({**before, **after}, outcome)
    assert [one["kind"] for one in RunFolder(run).events()].count("pause") == 1


class Killed(Exception):
    """Stands for a process that dies."""


def test_a_budget_after_a_kill(timed):
    class Kill(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == 47:
                raise Killed

    with pytest.raises(Killed):
        timed(lambda step: 0.1, 12.0, callbacks=[Kill()], checkpoint_every_steps=40)
    outcome, rates = timed(lambda step: 0.1, 12.0, checkpoint_every_steps=40)
    assert outcome.step == pytest.approx(122, abs=2)
    assert rates[41] == pytest.approx((121 - 41) / (121 - 12), abs=0.03)
    assert rates[outcome.step] <= 0.02


def test_a_run_of_seconds(tiny_config, store, tmp_path):
    """With the real clock."""
    rates = Rates()
    config = tiny_config(
        steps=10**6, warmup_steps=1000, log_every_steps=10**5, time_budget_minutes=0.05
    )
    outcome = pretrain(config, store, tmp_path, callbacks=[rates])
    assert_whole(rates.rates, outcome)
    assert outcome.run.events()[-1]["reason"] == "the time budget is used up"


# The estimate alone


def test_an_estimate_is_due_seldom():
    budget, num_looks = TimeBudget(3600.0), 0
    budget.restart(1, 0.0)
    for step in range(1, 360_001):
        if budget.is_due(step / 100):
            num_looks += 1
            left = budget.steps_left(step, step / 100)
    assert num_looks < 150
    assert left == pytest.approx(0, abs=1)


def test_an_unknown_speed_gives_no_estimate():
    assert TimeBudget(60.0).steps_left(0, 0.0) is None
    assert TimeBudget(60.0, speed=2.0).steps_left(20, 10.0) == 100.0
    assert not TimeBudget(60.0, speed=2.0).is_due(10.0)
