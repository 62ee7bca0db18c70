"""Memory freed by one step is there for the next, where a command trains."""

import subprocess
import sys

import pytest

from keras_electra.cli import arguments, freed_memory, main
from keras_electra.cli.freed_memory import keep_freed_memory

FAULTS_OF_A_SECOND_ROUND = """
import ctypes, resource, threading
from keras_electra.cli.freed_memory import keep_freed_memory

if KEEPS:
    assert keep_freed_memory()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
size = 100_000_000

def step():
    block = libc.malloc(size)
    ctypes.memset(block, 1, size)
    libc.free(block)

def rounds():
    step()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    step()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)

# Backends compute in threads of their own.
thread = threading.Thread(target=rounds)
thread.start()
thread.join()
"""


@pytest.mark.skipif(
    not (sys.platform.startswith("linux") and hasattr(freed_memory.ctypes.CDLL(None), "mallopt")),
    reason="glibc alone can be asked",
)
def test_the_next_step_makes_no_page_anew():
    def faults(keeps):
        code = FAULTS_OF_A_SECOND_ROUND.replace("KEEPS", str(keeps))
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return int(done.stdout)

    # Huge pages, where the system gives them unasked, are faults of 2 MB each.
    assert faults(keeps=False) >= 40
    assert faults(keeps=True) < 20


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_elsewhere_nothing_is_asked(platform, monkeypatch):
    monkeypatch.setattr(freed_memory.sys, "platform", platform)
    monkeypatch.setattr(freed_memory.ctypes, "CDLL", None)
    assert keep_freed_memory() is False


def test_another_library_of_linux_is_left_alone(monkeypatch):
    monkeypatch.setattr(freed_memory.sys, "platform", "linux")
    monkeypatch.setattr(freed_memory.ctypes, "CDLL", lambda name: object())
    assert keep_freed_memory() is False


class Asked(Exception):
    """A command got as far as the memory."""


@pytest.fixture
def commands(store, tmp_path, monkeypatch):
    """Commands that would compute; they end where they ask, or where Keras would start."""

    def ask():
        raise Asked

    monkeypatch.setattr(arguments, "keep_freed_memory", ask)
    monkeypatch.setattr(arguments, "start_backend", lambda *_: pytest.fail("did not ask"))
    run, rows = str(tmp_path), tmp_path / "rows.csv"
    rows.write_text("text,label\na cat,good\na dog,bad\n", encoding="utf-8")
    task = ["--text-column", "text", "--label-column", "label", "--data", str(rows)]
    return {
        "pretrain": ["pretrain", "--store", str(store.path), "--run-dir", f"{run}/new"],
        "profile": ["profile", "--store", str(store.path), "--size", "tiny"],
        "demo": ["demo", "--run-dir", f"{run}/demo"],
        "evaluate": ["evaluate", "--run-dir", run],
        "finetune": ["finetune", "--model", run, *task, "--run-dir", f"{run}/stars"],
        "predict": ["predict", "--model", run, "a text"],
    }


@pytest.mark.parametrize("name", ["pretrain", "profile", "demo", "evaluate", "finetune", "predict"])
def test_what_computes_step_after_step_asks_before_the_backend_starts(name, commands):
    with pytest.raises(Asked):
        main(commands[name])


def test_a_server_gives_memory_back(tmp_path, monkeypatch):
    monkeypatch.setattr("keras_electra.cli.serve.PACKAGES", ())
    monkeypatch.setattr(arguments, "keep_freed_memory", lambda: pytest.fail("asked"))

    def started(*_):
        raise Asked

    monkeypatch.setattr(arguments, "start_backend", started)
    with pytest.raises(Asked):
        main(["serve", "--model", str(tmp_path)])
