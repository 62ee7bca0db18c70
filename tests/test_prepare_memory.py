"""Memory while a corpus of any size is prepared: bounded, and flat."""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from keras_electra.tokenizer import SPECIAL_TOKENS, WordPieceTokenizer

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")

MAX_BYTES = 600_000_000
ROOT = pathlib.Path(__file__).parents[1]
# 20 GB of documents; every word of five letters and more is new, as in the worst of corpora.
STREAM = """
import itertools, sys
for number in itertools.count():
    document = "".join(
        f"the cat {number:x}{place:x} sat on a mat, {(number * 7919 + place) % 999983:x} days .\\n"
        for place in range(100)
    )
    try:
        sys.stdout.write(document + "\\n")
    except BrokenPipeError:
        break
    if number * len(document) > 20_000_000_000:
        break
"""


def resident_bytes(pid):
    """Memory of a process."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return 1024 * int(line.split()[1])
    return 0


def processes_of(group):
    """Process ids of a group."""
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(path.read_text().rpartition(")")[2].split()[2]) == group:
                yield int(path.parent.name)


def measured(tmp_path, seconds, *flags):
    """Memory over time while a stream is prepared: a list of (seconds, bytes of each process)."""
    letters = [f"##{letter}" for letter in "0123456789abcdef"]
    words = ["the", "cat", "sat", "on", "a", "mat", "days", ".", ",", *"0123456789bcdef", *letters]
    WordPieceTokenizer([*SPECIAL_TOKENS, *words]).save(tmp_path / "vocab.txt")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    stream = subprocess.Popen(
        [sys.executable, "-c", STREAM], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    command = ["prepare", "--corpus", "-", "--vocab", "vocab.txt", "--out", "store", *flags]
    process = subprocess.Popen(
        [sys.executable, "-m", "keras_electra", *command],
        stdin=stream.stdout,
        stdout=subprocess.DEVNULL,
        cwd=tmp_path,
        env=environment,
        start_new_session=True,
    )
    stream.stdout.close()
    rows, parts = [], tmp_path / "store.preparing" / "parts"
    try:
        while not any(parts.rglob("*.part")):
            assert process.poll() is None
            time.sleep(0.05)
        start = time.monotonic()
        while time.monotonic() - start < seconds:
            with contextlib.suppress(FileNotFoundError):
                sizes = [resident_bytes(pid) for pid in processes_of(process.pid)]
                rows.append((time.monotonic() - start, sizes))
            assert process.poll() is None
            time.sleep(0.1)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        stream.kill()
        stream.wait()
    prepared = sum(path.stat().st_size for path in parts.rglob("*.part"))
    return rows, prepared


def test_memory_is_bounded(tmp_path):
    rows, prepared = measured(tmp_path, 1.5, "--num-processes", "2")
    assert max(max(sizes) for _, sizes in rows) < MAX_BYTES
    assert max(len(sizes) for _, sizes in rows) >= 3
    assert prepared > 500_000


@pytest.mark.full
@pytest.mark.parametrize("flags", [(), ("--near-duplicate-similarity", "0.8")])
def test_memory_stays_flat_for_a_minute(tmp_path, flags):
    rows, prepared = measured(tmp_path, 60, "--num-processes", "2", *flags)
    peak = [max(sum(sizes) for at, sizes in rows if a <= at < a + 20) for a in (0, 20, 40)]
    assert max(max(sizes) for _, sizes in rows) < MAX_BYTES
    assert peak[2] < 1.15 * max(peak[:2])
    assert prepared > 20_000_000
    print(f"peaks of all processes {[round(size / 1e6) for size in peak]} MB, {prepared / 1e6} MB")
