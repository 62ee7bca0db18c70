"""Text to token ids: `prepare`, the bare tokenizer of the `tokenizers` library, and `datasets`.

    python benchmarks/prepare.py TEXT... --vocab vocab.txt --num-processes 2

Every contender reads the same file and runs in processes of its own, several times, in turn. MB/s is
stored text over wall time, imports left out, worker processes' start included. Memory is the largest
sum over all processes of a contender; pages that they share count once for each.

- `prepare`: the whole of it, to a store on disk, with hashes, held-out part and report.
- `tokenizers`: `encode_batch` over batches of lines on all cores; ids are thrown away.
- `datasets`: text loaded, tokenized and grouped to blocks of 128 by `map`, as the example `run_mlm` of
  `transformers` does it; the result is in its cache on disk.
"""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

CONTENDERS = ("prepare", "tokenizers", "datasets")
BATCH_LINES = 10_000
BLOCK_TOKENS = 128


def with_prepare(text: str, vocab: str, num_processes: int, folder: str) -> int:
    from keras_electra.store import prepare_store
    from keras_electra.tokenizer import WordPieceTokenizer

    tokenizer = WordPieceTokenizer.from_file(vocab)
    yield
    out = pathlib.Path(folder) / "store"
    yield prepare_store(text, tokenizer, out, num_processes=num_processes).manifest.num_tokens


def with_tokenizers(text: str, vocab: str, num_processes: int, folder: str):
    import tokenizers

    tokenizer = tokenizers.BertWordPieceTokenizer(vocab, lowercase=True)
    yield
    num_tokens, batch = 0, []
    with open(text, encoding="utf-8") as file:
        for line in file:
            batch.append(line.strip())
            if len(batch) == BATCH_LINES:
                num_tokens += count(tokenizer, batch)
                batch = []
    yield num_tokens + count(tokenizer, batch)


def count(tokenizer, lines: list[str]) -> int:
    encodings = tokenizer.encode_batch(lines, add_special_tokens=False)
    return sum(len(encoding) for encoding in encodings)


def with_datasets(text: str, vocab: str, num_processes: int, folder: str):
    import datasets
    from transformers import BertTokenizerFast

    datasets.disable_progress_bars()
    tokenizer = BertTokenizerFast(vocab)
    yield

    def tokenize(rows):
        return tokenizer(rows["text"], return_special_tokens_mask=True)

    def group(rows):
        joined = {name: [i for row in values for i in row] for name, values in rows.items()}
        length = len(joined["input_ids"]) // BLOCK_TOKENS * BLOCK_TOKENS
        starts = range(0, length, BLOCK_TOKENS)
        return {
            name: [values[start : start + BLOCK_TOKENS] for start in starts]
            for name, values in joined.items()
        }

    loaded = datasets.load_dataset("text", data_files=[text], cache_dir=folder, split="train")
    tokenized = loaded.map(
        tokenize, batched=True, num_proc=num_processes, remove_columns=loaded.column_names
    )
    yield len(tokenized.map(group, batched=True, num_proc=num_processes)) * BLOCK_TOKENS


def run_contender(options) -> None:
    """Run one contender in this process and print what was measured."""
    steps = globals()[f"with_{options.contender}"](
        options.texts[0], options.vocab, options.num_processes, options.folder
    )
    next(steps)
    watch = MemoryWatch()
    start = time.perf_counter()
    num_tokens = next(steps)
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "tokens": num_tokens, "memory": watch.stop()}))


class MemoryWatch:
    """Notes the largest memory of this process and all below it, every 50 ms."""

    def __init__(self):
        self._peak, self._is_over = 0, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._is_over.wait(0.05):
            self._peak = max(self._peak, sum(map(resident_bytes, tree(os.getpid()))))

    def stop(self) -> int:
        self._is_over.set()
        self._thread.join()
        return self._peak


def tree(pid: int) -> list[int]:
    """A process and all below it, from Linux's records."""
    parents = {}
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for known in found:
        found += [child for child, parent in parents.items() if parent == known]
    return found


def resident_bytes(pid: int) -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        pages = int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    return 0


def measure(options) -> None:
    """Run all contenders in turn, and print a table."""
    results = {name: [] for name in options.contenders}
    with tempfile.TemporaryDirectory(dir=options.temporary) as folder:
        text = pathlib.Path(folder) / "text.txt"
        join(options.texts, text, options.max_megabytes * 10**6)
        num_bytes = text.stat().st_size
        for _ in range(options.repeats):
            for name in options.contenders:
                results[name].append(one_result(name, text, folder, options))
    print(
        f"{num_bytes / 1e6:.0f} MB, {options.num_processes} processes, {options.repeats} runs each\n"
    )
    bare = statistics.median(r["seconds"] for r in results.get("tokenizers", [{"seconds": 0}]))
    print("| | median MB/s | min–max MB/s | times the bare tokenizer | peak memory, MB | tokens |")
    print("|---|--:|--:|--:|--:|--:|")
    for name, runs in results.items():
        seconds = [run["seconds"] for run in runs]
        speeds = sorted(num_bytes / 1e6 / value for value in seconds)
        memory = max(run["memory"] for run in runs) / 1e6
        print(
            f"| `{name}` | {statistics.median(speeds):.2f} | {speeds[0]:.2f}–{speeds[-1]:.2f} | "
            f"{bare / statistics.median(seconds):.2f} | {memory:.0f} | {runs[0]['tokens']:,} |"
        )


def join(paths: list[str], out: pathlib.Path, max_bytes: int) -> None:
    """The same number of bytes of every text, whole lines, in one file."""
    with out.open("wb") as joined:
        for path in paths:
            with open(path, "rb") as file:
                joined.write(file.read(max_bytes // len(paths)).rpartition(b"\n")[0] + b"\n")


def one_result(name: str, text: pathlib.Path, folder: str, options) -> dict:
    own = pathlib.Path(folder) / name
    own.mkdir()
    command = [sys.executable, __file__, str(text), "--vocab", options.vocab]
    command += ["--num-processes", str(options.num_processes)]
    command += ["--contender", name, "--folder", str(own)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(own / "home")}
    done = subprocess.run(command, stdout=subprocess.PIPE, env=environment, check=True, text=True)
    shutil.rmtree(own)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("texts", nargs="+", help="plain text files")
    parser.add_argument("--vocab", required=True, help="vocabulary, one token per line")
    parser.add_argument("--num-processes", type=int, default=os.cpu_count())
    parser.add_argument("--max-megabytes", type=int, default=60, help="of text that is read")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=CONTENDERS)
    parser.add_argument("--temporary", help="folder for temporary files")
    parser.add_argument("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    options = parser.parse_args()
    run_contender(options) if options.contender else measure(options)


if __name__ == "__main__":
    main()
