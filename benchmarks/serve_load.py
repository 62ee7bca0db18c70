"""The server under load on loopback: are good requests answered, bad ones refused, is memory flat?

    python benchmarks/serve_load.py --model PATH --seconds 60 --clients 32

Starts `keras-electra serve` as a process of its own. Every client sends one request after the other, of 1
to 8 texts of 1 to 60 words; one in twenty is malformed in one of several ways. Reports what came back,
the times of good requests, and the resident memory of the server.
"""

import argparse
import asyncio
import collections
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import time

import httpx
import numpy as np

WORDS = "the of and a film that is it was as good bad long story with people never seen"
BAD_BODIES = [
    b"{",
    b"[]",
    b'{"texts": 3, "inputs": 3}',
    b'{"NAME": []}',
    b'{"NAME": [7]}',
    b'{"NAME": ["\\ud800"]}',
    b'{"NAME": ["' + b"x " * 20_000 + b'"]}',
    b"x" * 1_100_000,
    b"[" * 50_000,
]
"""Malformed bodies; NAME stands for "texts" or "inputs"."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--bad-fraction", type=float, default=0.05)
    options = parser.parse_args()
    command = [sys.executable, "-m", "keras_electra", "serve", "--model", options.model]
    root = str(pathlib.Path(__file__).parent.parent)
    places = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places)}
    process = subprocess.Popen(
        [*command, "--port", "0"], stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        line = process.stdout.readline()
        if not line:
            sys.exit(process.wait())
        print(line.strip())
        result = asyncio.run(loaded(line.split()[-1], process.pid, options))
        process.send_signal(signal.SIGTERM)
        print(f"after SIGTERM it ended with code {process.wait(30)}")
    finally:
        process.kill()
    report(result, options)


async def loaded(address, pid, options) -> dict:
    """Run the clients, and look at the server's memory every second."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    memory, seconds = [], collections.defaultdict(list)
    statuses, wrong = collections.Counter(), collections.Counter()
    async with httpx.AsyncClient(base_url=address, limits=limits, timeout=60) as client:
        kind = (await client.get("/healthz")).json()["kind"]
        path, name = ("/detect", "texts") if kind == "detection" else ("/predict", "inputs")
        end = time.monotonic() + options.seconds

        async def ask(number):
            rng = random.Random(number)
            while time.monotonic() < end:
                is_bad = rng.random() < options.bad_fraction
                body = bad_body(rng, name) if is_bad else good_body(rng, name)
                start = time.perf_counter()
                try:
                    answer = await client.post(path, content=body)
                except httpx.HTTPError as error:
                    # A server may hang up on a body that is too large before all of it is sent.
                    statuses["hung up" if is_bad else f"failed: {error!r}"] += 1
                    wrong["a good request failed"] += not is_bad
                    continue
                statuses[answer.status_code] += 1
                if is_bad:
                    is_sentence = bool(answer.json().get("error"))
                    is_right = 400 <= answer.status_code < 500 and is_sentence
                    wrong["a bad request without a 4xx and a sentence"] += not is_right
                else:
                    wrong["a good request without an answer"] += answer.status_code != 200
                    num_texts = len(next(iter(answer.json().values())))
                    seconds[num_texts].append(time.perf_counter() - start)

        async def watch():
            while time.monotonic() < end:
                memory.append(resident_megabytes(pid))
                await asyncio.sleep(1)

        await asyncio.gather(watch(), *(ask(number) for number in range(options.clients)))
    return {"memory": memory, "seconds": seconds, "statuses": statuses, "wrong": +wrong}


def good_body(rng, name) -> bytes:
    texts = [
        " ".join(rng.choices(WORDS.split(), k=rng.randint(1, 60))) for _ in range(rng.randint(1, 8))
    ]
    quoted = ", ".join(f'"{text}"' for text in texts)
    return f'{{"{name}": [{quoted}]}}'.encode()


def bad_body(rng, name) -> bytes:
    return rng.choice(BAD_BODIES).replace(b"NAME", name.encode())


def resident_megabytes(pid) -> float:
    """Resident memory of a process, on Linux."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) / 1024


def report(result, options) -> None:
    """What came back, how long it took, and how memory went."""
    every = np.concatenate([np.array(values) for values in result["seconds"].values()])
    texts = sum(count * len(values) for count, values in result["seconds"].items())
    statuses = ", ".join(f"{status}: {count}" for status, count in result["statuses"].items())
    print(f"answers by status: {statuses}")
    print(f"wrong: {dict(result['wrong']) or 'nothing'}")
    median, high = np.quantile(every, [0.5, 0.99])
    print(
        f"good requests: {len(every)} in {options.seconds:g} s from {options.clients} clients, "
        f"{texts / options.seconds:.0f} texts/s; median {1e3 * median:.0f} ms, "
        f"99th percentile {1e3 * high:.0f} ms, slowest {1e3 * every.max():.0f} ms"
    )
    memory = result["memory"]
    places = {f"{int(q * 100)} %": memory[int(q * (len(memory) - 1))] for q in (0, 0.1, 0.5, 1)}
    shown = ", ".join(f"{place}: {value:.0f}" for place, value in places.items())
    print(f"resident MB after that part of the time: {shown}")


if __name__ == "__main__":
    main()
