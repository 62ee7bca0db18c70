"""Options of the server: how much it takes at once."""

import dataclasses

from keras_electra.config.options import Options, option


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServeConfig(Options):
    """Limits of one request and of all that wait, and how requests share a batch."""

    max_body_bytes: int = option(1_000_000, "largest body of a request")
    max_texts: int = option(64, "most texts of a request")
    max_characters: int = option(20_000, "most characters of a text, its parts together")
    max_waiting: int = option(512, "texts that may wait; above it requests are sent away")
    batch_size: int = option(32, "most texts that go through the network at once")
    wait_seconds: float = option(0.002, "time that a request waits for others to share its batch")
    body_seconds: float = option(10.0, "time in which a body has to arrive")
    shutdown_seconds: float = option(30.0, "time in which requests are still answered at the end")

    def check(self) -> None:
        self.require_range(
            "at least 1", "max_body_bytes max_texts max_characters max_waiting batch_size"
        )
        self.require(self.max_waiting >= self.max_texts, "max_waiting", "at least max_texts")
        self.require_range("0 or more", "wait_seconds")
        self.require_range("more than 0", "body_seconds shutdown_seconds")
