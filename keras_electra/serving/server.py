"""The server: a socket, the application, and an end that leaves no request unanswered."""

import socket
from collections.abc import Callable

import uvicorn

from keras_electra.config.serving import ServeConfig
from keras_electra.errors import InputError
from keras_electra.serving.application import application
from keras_electra.serving.judge import Judge


class Server(uvicorn.Server):
    """Uvicorn's, which says when it is ready."""

    def __init__(self, config, on_ready):
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets=None):
        await super().startup(sockets)
        self._on_ready()


def run_server(
    judge: Judge,
    config: ServeConfig,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    web=None,
    on_ready: Callable[[str], None] = lambda address: None,
) -> None:
    """Answer requests until SIGINT or SIGTERM; what was asked before is still answered.

    The signal is raised again at the end, for the caller's handler.

    Args:
        judge: the model.
        config: limits and batching.
        host, port: where to listen; port 0 for any that is free.
        web: folder of static files for `/`, or None.
        on_ready: called with the address once requests are taken.

    Raises:
        InputError: if it cannot listen there.
    """
    with listening(host, port) as opened:
        name = f"[{host}]" if ":" in host else host
        address = f"http://{name}:{opened.getsockname()[1]}/"
        judge.warm_up()
        options = uvicorn.Config(
            application(judge, config, web),
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="on",
            ws="none",
            timeout_graceful_shutdown=int(config.shutdown_seconds) or 1,
        )
        Server(options, lambda: on_ready(address)).run(sockets=[opened])


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"--host, --port: expected a free address, received {host}:{port} ({reason})"
        ) from error
