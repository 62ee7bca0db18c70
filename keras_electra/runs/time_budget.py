"""How many steps a time budget still allows, estimated from measured speed."""

import collections
import math

RECENT_FRACTION = 0.25
"""Part of the measured time that the speed is taken from: the machine may have changed since."""
LOOKS_LEFT = 8
"""A new estimate is due when this fraction (one in ...) of the remaining time has passed."""


class TimeBudget:
    """Estimates the steps that remain, at few moments.

    An estimate has to wait for the device, so it is due seldom: after 1, 2, 4, ... steps at first, then
    whenever an eighth of the remaining time has passed. A run has about a hundred of them, more closely
    spaced towards its end, where the estimate becomes exact.

    Args:
        seconds: of training in all.
        speed: steps a second, as far as known before anything is measured; None if unknown.
    """

    def __init__(self, seconds: float, speed: float | None = None):
        self.seconds = seconds
        self._speed = speed
        self._looks = collections.deque()
        self._start = 0.0
        self._next_look = math.inf

    def restart(self, step: int, seconds: float) -> None:
        """Measure the speed from here on; what came before was compilation or another shape."""
        self._looks = collections.deque([(step, seconds)])
        self._start = self._next_look = seconds

    def is_due(self, seconds: float) -> bool:
        """Whether it is time for a new estimate, after `seconds` of training."""
        return seconds >= self._next_look

    def steps_left(self, step: int, seconds: float) -> float | None:
        """Steps that fit into the remaining time, measured at `step`; None if the speed is unknown."""
        left = max(self.seconds - seconds, 0.0)
        if self._looks:
            self._measure(step, seconds)
            self._next_look = seconds + min(seconds - self._start, left / LOOKS_LEFT)
        return None if self._speed is None else left * self._speed

    def _measure(self, step, seconds):
        """Take the speed of the most recent part of the measured time."""
        recent = seconds - RECENT_FRACTION * (seconds - self._start)
        while len(self._looks) > 1 and self._looks[1][1] <= recent:
            self._looks.popleft()
        first_step, first_seconds = self._looks[0]
        if step > first_step and seconds > first_seconds:
            self._speed = (step - first_step) / (seconds - first_seconds)
        if step > self._looks[-1][0]:
            self._looks.append((step, seconds))
