"""A process that is asked over pipes: stale requests, cancelling, crashes, ends; then the inspector's."""

import gc
import io
import json
import os
import pathlib
import queue
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from keras_electra.errors import InputError
from keras_electra.files import write_json
from keras_electra.inspect_worker import Models, handlers_of, spread
from keras_electra.pretraining import pretrain
from keras_electra.processes import host_name, is_alive, start_time_of
from keras_electra.traces import Scenario
from keras_electra.traces.files import lines_of
from keras_electra.workers import (
    InspectorClient,
    LocalWorker,
    WorkerClient,
    WorkerError,
    WorkerLoop,
)
from keras_electra.workers.model_client import ON_CPU, accelerator_in_use, run_of

HERE = pathlib.Path(__file__).parent
PATIENCE = 60.0


@pytest.fixture
def make_client():
    made = []

    def make(*arguments, **options):
        made.append(
            WorkerClient("stub_worker", arguments, environment={"PYTHONPATH": str(HERE)}, **options)
        )
        return made[-1]

    yield make
    for client in made:
        client.close()


class Heard(queue.Queue):
    """The replies to one request; callable, as the client wants it."""

    def __call__(self, reply):
        self.put(reply)

    def last(self):
        """The reply that ends the request, and those before it."""
        before = []
        while True:
            reply = self.get(timeout=PATIENCE)
            if reply.kind != "progress":
                return reply, before
            before.append(reply)


def in_process(*messages, handlers=None):
    """What a loop answers to all these messages, which are there before it begins."""
    handlers = handlers or {
        "add": lambda request: request["a"] + request["b"],
        "count": lambda request: (yield from counting(request["total"])),
    }
    answers = io.StringIO()
    loop = WorkerLoop(handlers, [json.dumps(m) for m in messages], answers, on_end=lambda: None)
    loop._read()
    loop.run({})
    return [json.loads(line) for line in answers.getvalue().splitlines()][1:]


def counting(total):
    for done in range(total):
        yield done + 1, total, None
    return "counted"


# The loop


def test_of_two_requests_of_a_view_the_newer_counts():
    found = in_process(
        {"id": 1, "kind": "add", "a": 1, "b": 1, "view": "x"},
        {"id": 2, "kind": "add", "a": 2, "b": 2, "view": "y"},
        {"id": 3, "kind": "add", "a": 3, "b": 3, "view": "x"},
        {"id": 4, "kind": "add", "a": 4, "b": 4},
        {"id": 5, "kind": "add", "a": 5, "b": 5},
    )
    assert found[0] == {"id": 1, "kind": "dropped"}
    assert {one["id"]: one["value"] for one in found[1:]} == {2: 4, 3: 6, 4: 8, 5: 10}


def test_short_requests_go_before_long_ones():
    found = in_process(
        {"id": 1, "kind": "count", "total": 3},
        {"id": 2, "kind": "count", "total": 2},
        {"id": 3, "kind": "add", "a": 1, "b": 2},
    )
    assert found[0] == {"id": 3, "kind": "answer", "value": 3}
    # The long ones take turns.
    assert [one["id"] for one in found[1:]] == [1, 2, 1, 2, 1, 2, 1]
    assert found[1] == {"id": 1, "kind": "progress", "done": 1, "total": 3, "value": None}


def test_what_waits_can_be_cancelled():
    found = in_process({"id": 1, "kind": "count", "total": 3}, {"id": 1, "kind": "cancel"})
    assert found == [{"id": 1, "kind": "cancelled"}]


def test_wrong_requests_are_answered_with_a_sentence(capsys):
    def refuse(request):
        raise InputError("number: expected 1, received 2")

    def fail(request):
        raise ZeroDivisionError("deep inside")

    def late(request):
        yield 1, 2, None
        raise InputError("too late")

    handlers = {"refuse": refuse, "fail": fail, "late": late}
    found = in_process(
        {"kind": "no id"},
        {"id": 1, "kind": "ad"},
        {"id": 2, "kind": "refuse"},
        {"id": 3, "kind": "fail"},
        {"id": 4, "kind": "late"},
        handlers=handlers,
    )
    messages = [one["message"] for one in found if one["kind"] == "error"]
    assert messages == [
        "expected a request in JSON",
        "kind: expected one of fail, late, refuse, received 'ad'",
        "number: expected 1, received 2",
        "ZeroDivisionError: deep inside",
        "too late",
    ]
    assert "Traceback" in capsys.readouterr().err


# Client and process


def test_questions_are_answered_and_chatter_goes_elsewhere(make_client):
    states = []
    client = make_client(on_state=states.append)
    assert not client.is_running
    assert client.ask("add", a=2, b=3) == 5
    assert states == ["starting", "ready"]
    assert client.hello["pid"] != os.getpid()
    with pytest.raises(WorkerError, match="number: expected 1, received 2"):
        client.ask("refuse")
    deadline = time.monotonic() + PATIENCE
    while len(client.stderr_tail()) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert "chatter of a compiled library" in client.stderr_tail()
    assert client.num_starts == 1


def test_progress_is_told_and_a_newer_request_ends_it(make_client):
    client = make_client()
    heard, newer = Heard(), Heard()
    client.request("count", heard, view="strip", total=3)
    reply, before = heard.last()
    assert (reply.kind, reply.value) == ("answer", "counted")
    assert [one.done for one in before] == [1, 2, 3]

    client.request("count", heard, view="strip", total=10_000, pause=0.005)
    assert heard.get(timeout=PATIENCE).kind == "progress"
    assert client.ask("add", a=1, b=1) == 2, "a short question is answered in between"
    client.request("count", newer, view="strip", total=1)
    assert heard.last()[0].kind == "dropped"
    assert newer.last()[0].kind == "answer"


def test_a_request_can_be_cancelled(make_client):
    client, heard = make_client(), Heard()
    number = client.request("count", heard, total=10_000, pause=0.005)
    heard.get(timeout=PATIENCE)
    client.cancel(number)
    assert heard.last()[0].kind == "cancelled"
    assert client.ask("add", a=1, b=1) == 2


def test_a_crash_is_told_and_survived(make_client):
    client = make_client()
    with pytest.raises(WorkerError, match="die: the worker ended: exit code 7.*out of memory"):
        client.ask("die")
    assert client.ask("add", a=1, b=1) == 2
    assert client.num_starts == 2


def test_a_worker_that_cannot_start_says_why(make_client):
    with pytest.raises(
        WorkerError, match="exit code 2; it last said: expected a model, found none"
    ):
        make_client("--broken").ask("add", a=1, b=1)


def test_a_worker_that_hangs_is_ended(make_client):
    client = make_client(answer_seconds=0.5)
    assert client.ask("add", a=1, b=1) == 2
    with pytest.raises(WorkerError, match=r"sleep: the worker ended: it said nothing for 0\.5 s"):
        client.ask("sleep", seconds=600)
    assert client.ask("add", a=1, b=1) == 2


def test_waiting_ends_after_the_seconds_given(make_client):
    client = make_client()
    client.ask("add", a=1, b=1)
    with pytest.raises(WorkerError, match="expected an answer within 0.05 s"):
        client.ask("count", timeout_seconds=0.05, total=1000, pause=0.01)


def test_closing_ends_the_process_and_its_requests(make_client):
    client, heard = make_client(), Heard()
    client.request("count", heard, total=10_000, pause=0.01)
    heard.get(timeout=PATIENCE)
    pid = client.hello["pid"]
    client.close()
    assert heard.last()[0].kind == "cancelled"
    assert not is_alive(pid, None)
    with pytest.raises(WorkerError, match="was closed"):
        client.ask("add", a=1, b=1)


def test_a_forgotten_client_ends_its_process():
    client = WorkerClient("stub_worker", environment={"PYTHONPATH": str(HERE)})
    client.ask("add", a=1, b=1)
    pid, started = client.hello["pid"], start_time_of(client.hello["pid"])
    del client
    gc.collect()
    assert gone(pid, started)


def test_the_worker_ends_with_its_parent():
    program = (
        "import os, signal, sys\n"
        "from keras_electra.workers import WorkerClient\n"
        f"client = WorkerClient('stub_worker', environment={{'PYTHONPATH': {str(HERE)!r}}})\n"
        "client.request('sleep', print, seconds=600)\n"
        "while client.hello is None: pass\n"
        "print(client.hello['pid'], flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment
    )
    pid = int(done.stdout)
    assert gone(pid, start_time_of(pid)), "it was computing when its input ended"


def gone(pid, started):
    deadline = time.monotonic() + PATIENCE
    while is_alive(pid, started) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not is_alive(pid, started)


def test_functions_of_this_process_can_be_asked_the_same_way():
    worker = LocalWorker(
        {"add": lambda r: r["a"] + r["b"], "count": lambda r: counting(r["total"])}
    )
    assert not worker.is_running
    assert worker.ask("add", a=1, b=2) == 3
    heard = Heard()
    worker.request("count", heard, total=2)
    reply, before = heard.last()
    assert (reply.value, [one.done for one in before]) == ("counted", [1, 2])
    with pytest.raises(WorkerError, match="KeyError"):
        worker.ask("add")
    worker.request("count", heard, view="x", total=10_000_000)
    heard.get(timeout=PATIENCE)
    worker.request("count", heard, view="x", total=1)
    assert heard.last()[0].kind == "dropped"
    heard.last()
    number = worker.request("count", heard, total=10_000_000)
    worker.cancel(number)
    assert heard.last()[0].kind == "cancelled"
    worker.close()
    with pytest.raises(WorkerError, match="was closed"):
        worker.ask("add", a=1, b=2)


# The inspector's worker


@pytest.fixture(scope="module")
def run(tiny_config, store, tmp_path_factory):
    path = tmp_path_factory.mktemp("inspected") / "run"
    pretrain(tiny_config(), store, path)
    return path


@pytest.fixture(scope="module")
def handlers(run):
    return handlers_of(Models(run))


def scenario(text="the old cat sees a young dog", **options):
    return Scenario(text=text, **options).to_dict()


def drained(steps):
    """What a generator yielded, and what it returned."""
    found = []
    while True:
        try:
            found.append(next(steps))
        except StopIteration as end:
            return found, end.value


def test_info_says_what_the_model_is(handlers, run):
    info = handlers["info"]({})
    assert info["step"] == 12
    assert [step for step, _ in info["checkpoints"]] == [5, 10, 12]
    assert info["no_generator"] == info["no_detector"] == ""
    assert info["longest"] == 12
    json.dumps(info)


def test_every_question_is_answered_in_json(handlers, run):
    trace = handlers["trace"]({"scenario": scenario(seed=3)})
    assert len(trace["probabilities"]) == len(trace["tokens"])
    found = handlers["candidates"]({"scenario": scenario(), "place": [1, 0], "count": 3})
    assert len(found["rows"]) >= 3
    steps, places = drained(handlers["sensitivity"]({"scenario": scenario()}))
    assert len(places) == 7 and steps[-1][0] == steps[-1][1]
    steps, hardest = drained(handlers["trace"]({"scenario": scenario(masking="hardest")}))
    assert len(hardest["mask_positions"]) == 1
    for value in (trace, found, places, hardest):
        json.dumps(value)
    with pytest.raises(InputError, match="scenario: expected an object"):
        handlers["trace"]({})


def test_a_film_is_what_every_checkpoint_says(handlers, run):
    steps, frames = drained(handlers["film"]({"scenario": scenario(seed=3)}))
    assert [frame["step"] for frame in frames] == [5, 10, 12]
    assert [done for done, _, _ in steps] == [1, 2, 3]
    trace = handlers["trace"]({"scenario": scenario(seed=3)})
    np.testing.assert_allclose(frames[-1]["probabilities"], trace["probabilities"], atol=1e-5)
    assert np.abs(np.subtract(frames[0]["probabilities"], frames[-1]["probabilities"])).max() > 1e-4
    other = handlers["judge"]({"scenario": scenario(seed=3), "model": frames[0]["model"]})
    np.testing.assert_allclose(other["probabilities"], frames[0]["probabilities"], atol=1e-5)
    # The model itself is what it was.
    assert handlers["trace"]({"scenario": scenario(seed=3)}) == trace


def test_another_vocabulary_cannot_be_compared(handlers, tiny_config, store, tmp_path, run):
    import shutil

    other = shutil.copytree(run, tmp_path / "other")
    vocabulary = (other / "vocab.txt").read_text().replace("word1\n", "word-one\n")
    (other / "vocab.txt").write_text(vocabulary)
    with pytest.raises(InputError, match="expected a model with the same vocabulary"):
        handlers["judge"]({"scenario": scenario(), "model": str(other)})


def test_refresh_takes_the_newest_checkpoint(run, tmp_path):
    import shutil

    copy = shutil.copytree(run, tmp_path / "copy")
    newest = copy / "checkpoints" / "step_00000012"
    hidden = newest.rename(tmp_path / "later")
    handlers = handlers_of(Models(copy))
    assert handlers["info"]({})["step"] == 10
    before = handlers["trace"]({"scenario": scenario(seed=3)})
    hidden.rename(newest)
    assert handlers["info"]({})["step"] == 10
    assert handlers["refresh"]({})["step"] == 12
    after = handlers["trace"]({"scenario": scenario(seed=3)})
    assert before["probabilities"] != after["probabilities"]


def test_a_file_is_scored_and_a_wrong_one_refused(handlers, tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("the cat sees\n\nthe <script> dog\n", encoding="utf-8")
    steps, rows = drained(handlers["file"]({"path": str(path), "top": 4}))
    assert len(rows) == 4 and steps[-1][:2] == (3, 3)
    path.write_bytes(b"ab\xff")
    with pytest.raises(InputError, match="expected UTF-8, received byte 0xff at offset 2"):
        lines_of(path)
    with pytest.raises(InputError, match="file: expected a readable text file"):
        lines_of(tmp_path / "none")


def test_frames_are_spread_evenly():
    assert spread([1, 2], 5) == [1, 2]
    assert spread(list(range(100)), 4) == [0, 33, 66, 99]


def test_the_worker_answers_as_the_inspector_does(run, handlers):
    client = InspectorClient(run, backend=os.environ["KERAS_BACKEND"])
    try:
        trace = client.trace("the old cat sees a young dog", seed=3)
        expected = handlers["trace"]({"scenario": scenario(seed=3)})
        assert trace.corrupted_tokens == expected["corrupted_tokens"]
        np.testing.assert_allclose(trace.probabilities, expected["probabilities"], atol=1e-4)
        assert client.info()["step"] == 12
        with pytest.raises(WorkerError, match="edits: expected words from 0 to 6"):
            client.trace("the old cat sees a young dog", edits={9: "x"})
    finally:
        client.close()


def test_a_folder_that_is_none_is_refused(tmp_path, run):
    with pytest.raises(InputError, match="model: expected a folder"):
        InspectorClient(tmp_path / "none")
    with pytest.raises(InputError, match="device: expected one of auto, cpu, default"):
        InspectorClient(run, device="gpu")
    with pytest.raises(InputError, match="expected a run, a checkpoint or a preset folder"):
        InspectorClient(tmp_path)
    for name in ("config.json", "vocab.txt", "environment.json"):
        (tmp_path / name).write_text('{"finetune": {}}')
    with pytest.raises(
        InputError, match="expected a pretraining run, received .* a fine-tuning run"
    ):
        InspectorClient(tmp_path)
    (tmp_path / "config.json").write_text('{"pretrain": {}}')
    with pytest.raises(InputError, match="expected at least one checkpoint, found none"):
        InspectorClient(tmp_path)


def test_the_cpu_is_used_while_a_run_holds_the_accelerator(run):
    assert run_of(run / "checkpoints" / "step_00000012") == run.resolve()
    assert run_of(run.parent) is None
    assert not accelerator_in_use(run)
    status = json.loads((run / "status.json").read_text())
    live = {"state": "running", "pid": os.getpid(), "device": "cuda:0", "host": host_name()}
    live["process_start_time"] = start_time_of(os.getpid())
    try:
        write_json(run / "status.json", {**status, **live})
        assert accelerator_in_use(run)
        client = InspectorClient(run)
        client.module = "stub_worker"
        client.environment = {"PYTHONPATH": str(HERE)}
        client.arguments = []
        assert client.ask("add", a=1, b=1) == 2
        assert ON_CPU.items() <= client.environment.items()
        client.close()
        write_json(run / "status.json", {**status, **live, "device": "cpu"})
        assert not accelerator_in_use(run)
    finally:
        write_json(run / "status.json", status)


def test_many_threads_may_ask(make_client):
    client, found = make_client(), []

    def ask(number):
        found.append(client.ask("add", a=number, b=number))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(found) == [2 * number for number in range(8)]
