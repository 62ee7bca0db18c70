"""Requests that share a batch: one thread computes, and what arrives meanwhile goes next, together."""

import asyncio
import collections
import concurrent.futures
import dataclasses
from collections.abc import Callable

from keras_electra.config.serving import ServeConfig
from keras_electra.errors import InputError
from keras_electra.serving.requests import RequestError


@dataclasses.dataclass
class Waiting:
    """A request in the queue: its inputs, and the future that gets their answers."""

    inputs: list
    answers: asyncio.Future


class Batcher:
    """Gathers the inputs of requests, has them computed together and deals the answers out.

    Args:
        compute: called in a thread with a list of inputs; returns as many answers.
        config: `batch_size`, `max_waiting` and `wait_seconds` are used.
    """

    def __init__(self, compute: Callable[[list], list], config: ServeConfig):
        self._compute = compute
        self._config = config
        self._queue = collections.deque()
        self._num_waiting = 0
        self._arrived = asyncio.Event()
        # One thread: a network at work takes all cores, and some backends are not safe with more.
        self._thread = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="model")
        self._task = None

    @property
    def num_waiting(self) -> int:
        """Texts that wait or are being judged."""
        return self._num_waiting

    def start(self) -> None:
        """Begin to take requests; called inside the event loop."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Answer what waits, then stop."""
        while self._num_waiting:
            await asyncio.sleep(0.01)
        self._task.cancel()
        self._thread.shutdown()

    async def answers(self, inputs: list) -> list:
        """The answers to the inputs of one request.

        Raises:
            RequestError: 503 if too much waits already, 422 for an input that cannot be used.
        """
        limit = self._config.max_waiting
        if self._num_waiting + len(inputs) > limit:
            raise RequestError(
                503,
                f"server: expected room for {len(inputs)} texts, but {self._num_waiting} of "
                f"{limit} wait already; ask again later",
            )
        self._num_waiting += len(inputs)
        request = Waiting(inputs, asyncio.get_running_loop().create_future())
        self._queue.append(request)
        self._arrived.set()
        return await request.answers

    async def _run(self):
        while True:
            await self._arrived.wait()
            if sum(len(request.inputs) for request in self._queue) < self._config.batch_size:
                await asyncio.sleep(self._config.wait_seconds)
            requests = self._taken()
            if not self._queue:
                self._arrived.clear()
            await self._answer(requests)
            self._num_waiting -= sum(len(request.inputs) for request in requests)

    def _taken(self) -> list[Waiting]:
        """The requests of the next batch, at least one."""
        requests, size = [], 0
        while self._queue and (
            not requests or size + len(self._queue[0].inputs) <= self._config.batch_size
        ):
            requests.append(self._queue.popleft())
            size += len(requests[-1].inputs)
        return requests

    async def _answer(self, requests: list[Waiting]) -> None:
        """Compute and deal out; if that fails, one request after the other, for one may be to blame."""
        inputs = [item for request in requests for item in request.inputs]
        try:
            loop = asyncio.get_running_loop()
            answers = iter(await loop.run_in_executor(self._thread, self._compute, inputs))
        except Exception as error:
            if len(requests) > 1:
                for request in requests:
                    await self._answer([request])
                return
            if isinstance(error, InputError):
                error = RequestError(422, str(error))
            self._settle(requests[0], error=error)
            return
        for request in requests:
            self._settle(request, [next(answers) for _ in request.inputs])

    @staticmethod
    def _settle(request, answers=None, error=None):
        # A client that has gone away took its future along.
        if request.answers.done():
            return
        if error is None:
            request.answers.set_result(answers)
        else:
            request.answers.set_exception(error)
