"""Runs: alone in the folder, nothing lost to a kill, commands obeyed, bad input explained."""

import contextlib
import errno
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

from keras_electra.errors import DamagedDataError, InputError, RunInUseError
from keras_electra.files import temporary_path
from keras_electra.monitoring import describe, list_runs
from keras_electra.processes import host_name, is_alive, start_time_of
from keras_electra.runs import RunFolder, RunSession, StopSignals, prune_checkpoints, send_command

CONFIG = {"steps": 10, "model": {"size": "tiny", "dropout_rate": 0.1}, "log_every_steps": 1}
VOCABULARY = b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\n"
posix_only = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")


def session(path, **changes) -> RunSession:
    arguments = {
        "config": CONFIG,
        "vocabulary": VOCABULARY,
        "environment": {"python": "3.11"},
        "steps": 10,
        "details": {"backend": "jax", "device": "cpu"},
        "heartbeat_seconds": 0.05,
        **changes,
    }
    return RunSession(path, **arguments)


def process(path, body: str, before: str = "") -> subprocess.Popen:
    """A process that runs `body` inside a session of the folder `path`; it prints to a pipe."""
    program = (
        "import contextlib, os, signal, sys, threading, time\n"
        "from keras_electra.runs import *\n"
        f"arguments = dict(config={CONFIG!r}, vocabulary={VOCABULARY!r}, environment={{}})\n"
        f"{textwrap.dedent(before)}\n"
        f"with RunSession({str(path)!r}, heartbeat_seconds=0.05, **arguments) as session:\n"
        "    print('open', flush=True)\n" + textwrap.indent(textwrap.dedent(body), "    ")
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen(
        [sys.executable, "-c", program],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextlib.contextmanager
def opened(path, body: str = "time.sleep(60)", before: str = ""):
    """The same, waited for until it is inside its session, and killed at the end."""
    child = process(path, body, before)
    try:
        assert child.stdout.readline() == "open\n", child.stderr.read()
        yield child
    finally:
        child.kill()
        child.communicate()


def wait_until(condition, seconds: float = 10.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def contents(path) -> dict:
    return {str(p.relative_to(path)): p.read_bytes() for p in path.rglob("*") if p.is_file()}


def add_checkpoints(run: RunFolder, *steps: int):
    for step in steps:
        run.checkpoint_path(step).mkdir(parents=True)
        (run.checkpoint_path(step) / "state.json").write_text("{}")


# --- a run is a folder ---


def test_first_start_makes_the_folder_and_ends_readable(tmp_path):
    run = RunFolder(tmp_path / "deep" / "run")
    assert not run.exists()
    assert run.state() is None
    with session(run.path) as s:
        assert not s.resumed
        assert run.is_running()
        assert run.state() == "starting"
        s.set_state("running", step=3)
    assert run.config() == CONFIG
    assert run.vocabulary_path.read_bytes() == VOCABULARY
    assert run.environment() == {"python": "3.11"}
    status = run.status()
    assert status["pid"] == os.getpid()
    assert status["host"] == host_name()
    expected = {"state": "stopped", "step": 3, "steps": 10, "backend": "jax", "device": "cpu"}
    assert {name: status[name] for name in expected} == expected
    assert not run.is_running()
    assert [event["kind"] for event in run.events()] == ["start"]
    assert not [name for name in contents(run.path) if name.endswith(".tmp")]


def test_numbers_that_json_lacks_become_null(tmp_path):
    with session(tmp_path) as s:
        s.append_log({"step": np.int64(1), "loss": float("nan"), "norm": np.float32("inf")})
        s.append_log({"step": 2, "shape": (2, 3), "scores": np.array([0.5, np.nan])})
        s.append_event("warning", value=float("-inf"))

    def refuse(constant):
        raise AssertionError(constant)

    text = s.folder.log_path.read_text()
    rows = [json.loads(line, parse_constant=refuse) for line in text.splitlines()]
    assert rows == [
        {"step": 1, "loss": None, "norm": None},
        {"step": 2, "shape": [2, 3], "scores": [0.5, None]},
    ]
    assert s.folder.log_rows() == rows
    assert s.folder.events()[-1]["value"] is None


def test_a_log_cut_anywhere_reads_and_grows(tmp_path):
    with session(tmp_path) as s:
        for step in range(3):
            s.append_log({"step": step, "word": "ä\n"})
    whole = s.folder.log_path.read_bytes()
    for length in range(len(whole) + 1):
        s.folder.log_path.write_bytes(whole[:length])
        num_whole = whole[:length].count(b"\n")
        assert [row["step"] for row in s.folder.log_rows()] == list(range(num_whole))
    for length in (1, len(whole) // 2, len(whole) - 1):
        s.folder.log_path.write_bytes(whole[:length])
        before = s.folder.log_rows()
        with session(tmp_path) as again:
            again.append_log({"step": 9})
        assert s.folder.log_rows() == [*before, {"step": 9}]


def test_a_row_damaged_inside_the_log_is_named(tmp_path):
    with session(tmp_path) as s:
        s.append_log({"step": 1})
    s.folder.log_path.write_bytes(b'{"step": 1}\n{"st\0p": 2\n{"step": 3}\n')
    with pytest.raises(DamagedDataError, match="line 2"):
        s.folder.log_rows()
    assert "line 2" in describe(s.folder)["message"]


def test_cutting_the_log_drops_exactly_the_rows_beyond(tmp_path):
    with session(tmp_path) as s:
        for step in (1, 2, 3, 4):
            s.append_log({"step": step})
        s.append_log({"note": "no step"})
        assert s.cut_log(2) == 2
        s.append_log({"step": 3, "again": True})
        assert s.cut_log(7) == 0
    assert s.folder.log_rows() == [
        {"step": 1},
        {"step": 2},
        {"note": "no step"},
        {"step": 3, "again": True},
    ]


def test_only_completed_checkpoints_are_listed_by_step(tmp_path):
    run = RunFolder(tmp_path)
    add_checkpoints(run, 120, 7, 100_000_000)
    for name in (".step_00000200.1.tmp", "step_00000300.tmp", "step_9", "other"):
        (run.checkpoints_path / name).mkdir()
    (run.checkpoints_path / "step_00000400").write_text("a file")
    assert [step for step, _ in run.checkpoints()] == [7, 120, 100_000_000]
    assert run.checkpoints()[1][1].name == "step_00000120"


# --- one process, and its death ---


@posix_only
def test_a_killed_session_reads_as_interrupted_and_reopens(tmp_path):
    run = RunFolder(tmp_path / "run")
    body = "session.set_state('running', 4); session.append_log({'step': 4}); time.sleep(60)"
    with opened(run.path, body) as child:
        wait_until(lambda: run.log_rows() and run.state() == "running")
        child.kill()
        # Not yet collected: the process is still in the table, as it is under a notebook.
        wait_until(lambda: not run.is_running())
        assert run.status()["state"] == "running"
        assert run.state() == "interrupted"
    with session(run.path) as s:
        assert s.resumed
        assert s.step == 4
        assert run.log_rows() == [{"step": 4}]


@posix_only
def test_kills_at_random_moments_leave_everything_readable(tmp_path):
    run = RunFolder(tmp_path / "run")
    random_numbers = random.Random(0)
    body = """
        first = len(session.folder.log_rows())
        for step in range(first, 10**9):
            session.append_log({"step": step, "text": "x" * 300})
            session.set_state("paused" if step % 2 else "running", step)
            session.append_event("checkpoint", step=step)
    """
    for _ in range(5):
        with opened(run.path, body) as child:
            time.sleep(0.2 * random_numbers.random())
            child.kill()
        steps = [row["step"] for row in run.log_rows()]
        assert steps == list(range(len(steps)))
        assert run.config() == CONFIG
        assert run.status()["state"] in ("starting", "running", "paused")
        assert all(event["kind"] for event in run.events())
    with session(run.path):
        assert not [name for name in contents(run.path) if name.endswith(".tmp")]


@posix_only
def test_a_second_process_is_refused_naming_the_first(tmp_path):
    with opened(tmp_path) as first:
        before = RunFolder(tmp_path).events()
        with pytest.raises(RunInUseError, match=rf"process {first.pid} on host '{host_name()}'"):
            session(tmp_path).__enter__()
        second = process(tmp_path, "pass")
        _, text = second.communicate()
        assert second.returncode
        assert f"process {first.pid}" in text
        assert RunFolder(tmp_path).events() == before
        assert RunFolder(tmp_path).is_running()


def test_a_second_session_of_the_same_process_is_refused(tmp_path):
    with session(tmp_path) as s:
        with pytest.raises(RunInUseError, match=f"process {os.getpid()}"):
            session(tmp_path).__enter__()
        assert s.folder.is_running()
    with session(tmp_path) as again:
        assert again.resumed


@posix_only
def test_of_many_that_start_at_once_one_gets_the_folder(tmp_path):
    children = [process(tmp_path / "run", "time.sleep(1.5)") for _ in range(4)]
    results = [child.communicate() for child in children]
    assert sum(output == "open\n" for output, _ in results) == 1
    assert sum("RunInUseError" in errors for _, errors in results) == 3
    assert RunFolder(tmp_path / "run").config() == CONFIG


@posix_only
def test_a_worker_that_outlives_its_killed_parent_does_not_hold_the_folder(tmp_path):
    body = """
        if os.fork() == 0:
            print(os.getpid(), flush=True)
            time.sleep(60)
            os._exit(0)
        time.sleep(60)
    """
    with opened(tmp_path, body) as child:
        worker = int(child.stdout.readline())
        child.kill()
        child.wait()
        try:
            assert is_alive(worker, None)
            with session(tmp_path) as s:
                assert s.resumed
        finally:
            os.kill(worker, signal.SIGKILL)


@posix_only
def test_a_deleted_lock_file_does_not_let_a_second_process_in(tmp_path):
    with opened(tmp_path) as first:
        RunFolder(tmp_path).lock_path.unlink()
        with pytest.raises(RunInUseError, match=f"process {first.pid}"):
            session(tmp_path).__enter__()


def test_a_reused_process_number_is_not_the_run(tmp_path):
    start_time = start_time_of(os.getpid())
    assert is_alive(os.getpid(), start_time)
    assert not is_alive(os.getpid(), start_time - 60)
    with session(tmp_path) as s:
        pass
    status = {**s.folder.status(), "state": "running", "process_start_time": start_time - 60}
    s.folder.status_path.write_text(json.dumps(status))
    assert s.folder.state() == "interrupted"


def test_a_session_on_another_host_lives_by_its_heartbeat(tmp_path):
    with session(tmp_path) as s:
        pass
    status = {**s.folder.status(), "state": "running", "host": "elsewhere", "pid": 1}
    s.folder.status_path.write_text(json.dumps({**status, "heartbeat": time.time() - 20}))
    assert s.folder.is_running()
    with pytest.raises(RunInUseError, match="process 1 on host 'elsewhere'"):
        session(tmp_path).__enter__()
    s.folder.status_path.write_text(json.dumps({**status, "heartbeat": time.time() - 40}))
    assert s.folder.state() == "interrupted"
    with session(tmp_path) as again:
        assert again.resumed


def test_the_heart_beats_while_the_main_thread_waits_and_then_stops(tmp_path):
    with session(tmp_path) as s:
        s.set_state("paused", 5)
        beats = set()
        wait_until(lambda: beats.add(s.folder.status()["heartbeat"]) or len(beats) >= 4)
        assert s.folder.status()["state"] == "paused"
    last = s.folder.status()
    time.sleep(0.2)
    assert s.folder.status() == last
    assert not [t for t in threading.enumerate() if t.name == "run-heartbeat"]


def test_a_damaged_status_is_no_status(tmp_path):
    with session(tmp_path) as s:
        pass
    for content in (b"", b"{", b"[1]", b'{"state": "running", "pid": "x", "heartbeat": "y"}'):
        s.folder.status_path.write_bytes(content)
        assert not s.folder.is_running()
        assert describe(s.folder)["running"] is False


def test_an_exception_is_noted_and_passes(tmp_path):
    s = session(tmp_path)

    def train():
        with s:
            s.set_state("running", 2)
            raise ValueError("too hot")

    with pytest.raises(ValueError, match="too hot"):
        train()
    assert s.folder.state() == "failed"
    assert s.folder.status()["message"] == "ValueError: too hot"
    failure = s.folder.events()[-1]
    assert (failure["kind"], failure["step"]) == ("failure", 2)
    with pytest.raises(SystemExit), session(tmp_path) as s:
        raise SystemExit(130)
    assert s.folder.state() == "interrupted"
    with session(tmp_path) as s:
        s.set_state("finished", 10)
    assert s.folder.state() == "finished"


def test_an_unknown_state_is_refused(tmp_path):
    with session(tmp_path) as s, pytest.raises(InputError, match="expected one of starting"):
        s.set_state("sleeping")


# --- resuming with other settings ---


def test_other_settings_are_refused_each_named_and_nothing_changes(tmp_path):
    with session(tmp_path):
        pass
    before = contents(tmp_path)
    model = {"size": "small", "heads": 4}
    with pytest.raises(InputError) as caught:
        session(tmp_path, config={"steps": 9, "model": model, "log_every_steps": 1}).__enter__()
    for sentence in (
        "steps is 10 there and 9 here",
        "model.size is 'tiny' there and 'small' here",
        "model.dropout_rate is 0.1 there and absent here",
        "model.heads is absent there and 4 here",
    ):
        assert sentence in str(caught.value)
    assert "log_every_steps" not in str(caught.value)
    after = contents(tmp_path)
    del before[".lock"], after[".lock"]
    assert after == before


def test_a_start_that_failed_may_be_followed_by_other_settings(tmp_path):
    """Until there is a row or a checkpoint; a run that keeps to its first settings does so always."""
    with session(tmp_path):
        pass
    other = {"config": {"learning_rate": 7.0}, "vocabulary": b"other"}
    with session(tmp_path, **other, may_begin_anew=True) as again:
        assert not again.resumed
        assert RunFolder(tmp_path).config() == other["config"]
        assert RunFolder(tmp_path).vocabulary_path.read_bytes() == b"other"
        again.append_log({"step": 1})
    with (
        pytest.raises(InputError, match="other settings"),
        session(tmp_path, config={"learning_rate": 8.0}, vocabulary=b"other", may_begin_anew=True),
    ):
        pass


def test_some_settings_may_change_and_steps_may_grow(tmp_path):
    with session(tmp_path):
        pass
    config = {**CONFIG, "steps": 20, "log_every_steps": 5}
    with pytest.raises(InputError, match="log_every_steps"):
        session(tmp_path, config=config).__enter__()
    with session(tmp_path, config=config, may_change={"log_every_steps"}) as s:
        assert s.resumed
    assert s.folder.config() == config
    changed = {"steps": [10, 20], "log_every_steps": [1, 5]}
    assert s.folder.events()[-1]["settings"] == changed


def test_a_run_from_before_an_option_has_its_default(tmp_path):
    with session(tmp_path, config={"model": {"size": "tiny"}}):
        pass
    defaults = {"model": {"size": "small", "gates": 0}, "flag": False}
    config = {"model": {"size": "tiny", "gates": 0}, "flag": False}
    with session(tmp_path, config=config, defaults=defaults) as s:
        assert s.resumed
    other = {**config, "flag": True}
    with pytest.raises(InputError, match="flag is False there and True here"):
        session(tmp_path, config=other, defaults=defaults).__enter__()


def test_a_switch_is_not_a_number(tmp_path):
    with session(tmp_path, config={"flag": True}):
        pass
    with pytest.raises(InputError, match="flag is True there and 1 here"):
        session(tmp_path, config={"flag": 1}).__enter__()


def test_another_vocabulary_is_refused(tmp_path):
    with session(tmp_path / "run"):
        pass
    other = tmp_path / "other.txt"
    other.write_bytes(VOCABULARY.replace(b"[MASK]", b"[mask]") + b"of\n")
    with pytest.raises(InputError, match="6 entries.*7, different from line 5 on"):
        session(tmp_path / "run", vocabulary=other).__enter__()
    with pytest.raises(InputError, match="vocabulary: expected a readable file"):
        session(tmp_path / "run", vocabulary=tmp_path / "none.txt")


def test_another_environment_is_noted(tmp_path):
    with session(tmp_path):
        pass
    with session(tmp_path, environment={"python": "3.12"}) as s:
        pass
    assert s.folder.environment() == {"python": "3.12"}
    assert s.folder.events()[-1]["environment"] == {"python": ["3.11", "3.12"]}


@pytest.mark.parametrize("name", ["config.json", "vocab.txt"])
def test_files_of_others_are_not_overwritten(tmp_path, name):
    (tmp_path / name).write_text("{}")
    with pytest.raises(InputError):
        session(tmp_path).__enter__()
    assert (tmp_path / name).read_text() == "{}"
    (tmp_path / name).unlink()
    with session(tmp_path) as s:
        assert not s.resumed


def test_an_interrupted_first_start_is_started_anew(tmp_path):
    with session(tmp_path) as s:
        pass
    s.folder.config_path.unlink()
    with session(tmp_path, vocabulary=b"other\n") as s:
        assert not s.resumed
    assert s.folder.vocabulary_path.read_bytes() == b"other\n"


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(InputError, match="expected a folder"):
        session(path).__enter__()
    with pytest.raises(InputError, match="expected the folder of a run"):
        RunFolder(path).config()


# --- commands ---


def test_commands_arrive_once_and_in_order_and_are_answered(tmp_path):
    with session(tmp_path) as s:
        ids = [send_command(s.folder, name) for name in ("pause", "checkpoint", "resume")]
        ids.append(send_command(tmp_path, "stop", reason="enough"))
        commands = s.take_commands()
        assert [c["command"] for c in commands] == ["pause", "checkpoint", "resume", "stop"]
        assert [c["id"] for c in commands] == ids
        assert commands[3]["reason"] == "enough"
        assert s.take_commands() == []
        assert len(os.listdir(s.folder.control_path)) == 4
        for command in commands:
            s.answer_command(command, step=7)
        assert os.listdir(s.folder.control_path) == []
    answers = [e for e in s.folder.events() if e["kind"] == "command_obeyed"]
    assert [(a["id"], a["step"]) for a in answers] == [(i, 7) for i in ids]


def test_commands_to_no_one_are_refused(tmp_path):
    with pytest.raises(InputError, match="expected the folder of a run"):
        send_command(RunFolder(tmp_path / "none"), "stop")
    with session(tmp_path) as s:
        with pytest.raises(InputError, match="expected one of pause, resume, stop, checkpoint"):
            send_command(s.folder, "explode")
        with pytest.raises(InputError, match="'id', which is taken"):
            send_command(s.folder, "stop", id=3)
        s.set_state("finished")
        with pytest.raises(InputError, match="is finished"):
            send_command(s.folder, "stop")
    assert os.listdir(s.folder.control_path) == []


MALFORMED = {
    "empty.json": b"",
    "cut.json": b'{"command": "sto',
    "list.json": b'["stop"]',
    "unknown.json": b'{"command": "explode"}',
    "unhashable.json": b'{"command": {"stop": 1}}',
    "nameless.json": b"{}",
    "binary.json": b"\xff\xfe\0",
    "deep.json": b"[" * 20000,
    "large.json": b'{"command": "stop", "x": "' + b"x" * 70000 + b'"}',
    "name.txt": b'{"command": "stop"}',
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_command_is_refused_and_deleted(tmp_path, name):
    with session(tmp_path) as s:
        (s.folder.control_path / name).write_bytes(MALFORMED[name])
        send_command(s.folder, "pause")
        assert [c["command"] for c in s.take_commands()] == ["pause"]
        assert not (s.folder.control_path / name).exists()
        (event,) = [e for e in s.folder.events() if e["kind"] == "command_refused"]
        assert event["file"] == name
        assert event["reason"].startswith("expected")


@posix_only
def test_strange_things_among_the_commands_are_refused(tmp_path):
    with session(tmp_path) as s:
        control = s.folder.control_path
        (control / "folder.json" / "inside").mkdir(parents=True)
        (control / "link.json").symlink_to(tmp_path / "nowhere")
        os.mkfifo(control / "pipe.json")
        (control / ".hidden.json.1.tmp").write_text("still being written")
        assert s.take_commands() == []
        assert os.listdir(control) == [".hidden.json.1.tmp"]
    assert [e["kind"] for e in s.folder.events()].count("command_refused") == 3


def test_commands_of_a_former_session_are_not_obeyed(tmp_path):
    with session(tmp_path) as s:
        send_command(s.folder, "stop")
        s.take_commands()
        send_command(s.folder, "pause")
    assert os.listdir(s.folder.control_path) == []
    (s.folder.control_path / "late.json").write_text('{"command": "stop"}')
    with session(tmp_path) as s:
        assert s.take_commands() == []
        assert os.listdir(s.folder.control_path) == []
    refused = [e["reason"] for e in s.folder.events() if e["kind"] == "command_refused"]
    assert refused == ["the session ended"] * 2 + ["sent before this session started"]


@posix_only
def test_another_process_obeys_a_command(tmp_path):
    body = """
        while True:
            for command in session.take_commands():
                session.answer_command(command)
                if command["command"] == "stop":
                    session.set_state("stopped", 3)
                    sys.exit(0)
            time.sleep(0.01)
    """
    with opened(tmp_path, body) as child:
        send_command(tmp_path, "stop")
        assert child.wait(timeout=5) == 0
    assert RunFolder(tmp_path).state() == "stopped"


# --- signals ---

WAIT_FOR_SIGNAL = """
    with StopSignals() as signals:
        print("ready", flush=True)
        while signals.received is None:
            time.sleep(0.01)
        print("noted", signals.received, flush=True)
        {more}
    session.set_state("interrupted", 3)
    sys.exit(signals.exit_code)
"""


@posix_only
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("before", ["", "signal.signal(signal.SIGINT, signal.SIG_IGN)"])
def test_a_signal_ends_training_in_order(tmp_path, number, code, before):
    with opened(tmp_path, WAIT_FOR_SIGNAL.format(more=""), before) as child:
        assert child.stdout.readline() == "ready\n"
        child.send_signal(number)
        assert child.stdout.readline() == f"noted {int(number)}\n"
        assert child.wait(timeout=5) == code
    assert RunFolder(tmp_path).state() == "interrupted"


@posix_only
@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_a_second_interrupt_does_not_wait(tmp_path, first):
    more = "time.sleep(0.3); print('waited', flush=True); time.sleep(60)"
    with opened(tmp_path, WAIT_FOR_SIGNAL.format(more=more)) as child:
        assert child.stdout.readline() == "ready\n"
        child.send_signal(first)
        assert child.stdout.readline() == f"noted {int(first)}\n"
        child.send_signal(signal.SIGTERM)
        assert child.stdout.readline() == "waited\n"
        child.send_signal(signal.SIGTERM)
        child.send_signal(signal.SIGINT)
        assert "KeyboardInterrupt" in child.communicate(timeout=5)[1]
    assert RunFolder(tmp_path).state() == "interrupted"


@posix_only
def test_former_handlers_come_back():
    def handler(number, frame):
        raise AssertionError

    former = signal.signal(signal.SIGTERM, handler)
    try:
        with StopSignals() as signals:
            assert signals.exit_code is None
            os.kill(os.getpid(), signal.SIGTERM)
            wait_until(lambda: signals.received == signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) is handler
        assert signals.exit_code == 143
    finally:
        signal.signal(signal.SIGTERM, former)


def test_outside_the_main_thread_signals_are_left_alone():
    before = signal.getsignal(signal.SIGINT)
    found = []

    def work():
        with StopSignals() as signals:
            found.append((signals.received, signals.exit_code, signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [(None, None, before)]


# --- keeping ---


@pytest.mark.parametrize(
    ("keep_last", "milestone", "left"),
    [
        (1, None, [50]),
        (2, None, [40, 50]),
        (9, None, [10, 20, 30, 40, 50]),
        (1, 20, [20, 40, 50]),
        (2, 30, [30, 40, 50]),
        (1, 7, [50]),
    ],
)
def test_pruning_keeps_the_newest_and_the_milestones(tmp_path, keep_last, milestone, left):
    run = RunFolder(tmp_path)
    add_checkpoints(run, 10, 20, 30, 40, 50)
    removed = prune_checkpoints(run, keep_last, milestone)
    assert [step for step, _ in run.checkpoints()] == left
    assert sorted(removed + left) == [10, 20, 30, 40, 50]
    assert prune_checkpoints(run, keep_last, milestone) == []
    assert len(os.listdir(run.checkpoints_path)) == len(left)


def test_pruning_never_empties(tmp_path):
    run = RunFolder(tmp_path)
    assert prune_checkpoints(run, 1) == []
    for arguments in ((0,), (-1,), (1, 0)):
        with pytest.raises(InputError, match="expected at least 1"):
            prune_checkpoints(run, *arguments)


def test_a_kill_while_pruning_leaves_nothing_half(tmp_path, monkeypatch):
    with session(tmp_path) as s:
        pass
    add_checkpoints(s.folder, 1, 2)
    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", lambda path: None)
        prune_checkpoints(s.folder, 1)
    assert [step for step, _ in s.folder.checkpoints()] == [2]
    temporary_path(s.folder.checkpoint_path(3)).mkdir()
    assert len(os.listdir(s.folder.checkpoints_path)) == 3
    with session(tmp_path):
        assert os.listdir(s.folder.checkpoints_path) == ["step_00000002"]


# --- full disks ---


def full(*arguments, **options):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_one_sentence_and_keeps_what_was_there(tmp_path, monkeypatch):
    with session(tmp_path, heartbeat_seconds=60) as s:
        s.append_log({"step": 1})
        with monkeypatch.context() as patch:
            patch.setattr("os.fsync", full)
            with pytest.raises(InputError, match="no space left .*status.json") as caught:
                s.set_state("running", 2)
            assert "\n" not in str(caught.value)
            with pytest.raises(
                InputError, match=r"events.jsonl.*what was written before is intact"
            ):
                s.append_event("warning")
            with pytest.raises(InputError, match="log.jsonl"):
                s.cut_log(0)
        assert s.folder.log_rows() == [{"step": 1}]
        s.append_log({"step": 2})
    assert s.folder.log_rows() == [{"step": 1}, {"step": 2}]
    assert not [name for name in contents(tmp_path) if name.endswith(".tmp")]


def test_a_row_that_fits_only_in_part_leaves_the_log_as_it_was(tmp_path, monkeypatch):
    with session(tmp_path, heartbeat_seconds=60) as s:
        s.append_log({"step": 1})
        calls, write = itertools.count(), os.write
        with monkeypatch.context() as patch:
            patch.setattr(
                "os.write",
                lambda file, content: full() if next(calls) else write(file, content[:5]),
            )
            with pytest.raises(InputError, match="log.jsonl"):
                s.append_log({"step": 2})
        assert s.folder.log_path.read_bytes() == b'{"step": 1}\n'


def test_a_disk_that_stays_full_does_not_hide_the_error(tmp_path, monkeypatch):
    def train(patch):
        with session(tmp_path):
            patch.setattr("os.fsync", full)
            raise ValueError("the reason")

    with monkeypatch.context() as patch, pytest.raises(ValueError, match="the reason"):
        train(patch)
    with session(tmp_path) as again:
        assert again.resumed


@pytest.mark.parametrize("num_calls", range(12))
def test_a_disk_full_at_any_moment_of_the_start(tmp_path, monkeypatch, num_calls):
    calls, fsync = itertools.count(), os.fsync
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", lambda file: full() if next(calls) >= num_calls else fsync(file))
        with pytest.raises(InputError, match="no space left"), session(tmp_path):
            pass
    assert not [t for t in threading.enumerate() if t.name == "run-heartbeat"]
    with session(tmp_path) as s:
        assert s.folder.config() == CONFIG


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_really_full_device(tmp_path, monkeypatch):
    with session(tmp_path) as s, monkeypatch.context() as patch:
        really_open = os.open
        patch.setattr("os.open", lambda path, *rest: really_open("/dev/full", *rest))
        with pytest.raises(InputError, match="no space left on the disk of .*log.jsonl"):
            s.append_log({"step": 1})


# --- listing ---


def test_runs_are_found_wherever_they_are_and_described(tmp_path):
    for name in ("b", "a", "group/c"):
        with session(tmp_path / name) as s:
            s.set_state("running", 4)
            s.append_log({"step": 4, "rtd_loss": 0.5})
            s.set_state("finished", 10)
    preset = tmp_path / "preset"
    preset.mkdir()
    for name in ("config.json", "vocab.txt"):
        (preset / name).write_text("{}")
    shutil.copytree(tmp_path / "a", tmp_path / "b" / "checkpoints" / "copy")
    runs = list_runs(tmp_path)
    assert [run.path for run in runs] == [tmp_path / name for name in ("a", "b", "group/c")]
    assert list_runs(tmp_path / "a") == [RunFolder(tmp_path / "a")]
    add_checkpoints(runs[2], 5, 10)
    record = describe(runs[2])
    expected = {
        "name": "c",
        "state": "finished",
        "running": False,
        "step": 10,
        "steps": 10,
        "backend": "jax",
        "checkpoint_steps": [5, 10],
        "last_row": {"step": 4, "rtd_loss": 0.5},
        "num_sessions": 1,
        "message": None,
    }
    assert {name: record[name] for name in expected} == expected
    assert json.loads(json.dumps(record, allow_nan=False)) == record


def test_no_runs_and_no_folder(tmp_path):
    assert list_runs(tmp_path) == []
    with pytest.raises(InputError, match="expected a folder with runs"):
        list_runs(tmp_path / "none")
    with pytest.raises(InputError, match="expected the folder of a run"):
        describe(tmp_path)


def test_reading_runs_imports_no_keras():
    program = "import sys, keras_electra.runs; print('keras' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    output = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert output.stdout == "False\n"
