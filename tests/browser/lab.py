"""A real JupyterLab on loopback, and notebooks in it driven through a browser."""

import contextlib
import importlib.util
import json
import os
import pathlib
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

ROOT = pathlib.Path(__file__).parents[2]
OUTSIDE = pathlib.Path(__file__).parent / "outside"
KERNEL_IS_IDLE = """() => window.jupyterapp.shell.currentWidget?.sessionContext?.session
    ?.kernel?.status === 'idle'"""


def expect(locator):
    """Playwright's `expect`: what it is asked for may come to be within five seconds.

    A panel is drawn by another process than the one that presses its buttons, so what a test reads right
    after a press may be what was there before.
    """
    from playwright.sync_api import expect

    return expect(locator)


class Lab:
    """The server: its address, its folder, and what any of its processes tried to reach.

    Args:
        folder: a new folder for everything that JupyterLab writes; notebooks lie in `work/`.
        program: "jupyterlab", or "notebook" for Notebook 7.
    """

    def __init__(self, folder: pathlib.Path, program: str = "jupyterlab"):
        self.folder, self.work, self.program = folder, folder / "work", program
        self.work.mkdir(parents=True)
        self.connections = folder / "connections.txt"
        self.port, self.token = free_port(), secrets.token_hex(16)
        self.address = f"http://127.0.0.1:{self.port}"
        self.log = folder / "lab.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self._command(),
                cwd=self.work,
                env=self._environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _command(self) -> list[str]:
        quiet = [
            "--LabApp.news_url=None",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        ]
        return [
            *(sys.executable, "-m", self.program, "--no-browser", "--allow-root"),
            *(quiet if self.program == "jupyterlab" else []),
            "--ServerApp.ip=127.0.0.1",
            f"--ServerApp.port={self.port}",
            "--ServerApp.port_retries=0",
            f"--ServerApp.root_dir={self.work}",
            f"--IdentityProvider.token={self.token}",
            "--expose-app-in-browser",
            "--ServerApp.log_level=WARN",
        ]

    def _environment(self) -> dict:
        settings = self.folder / "settings"
        of_notices = settings / "@jupyterlab" / "apputils-extension"
        of_notices.mkdir(parents=True)
        no_news = {"fetchNews": "false", "checkForUpdates": False}
        (of_notices / "notification.jupyterlab-settings").write_text(json.dumps(no_news))
        paths = [OUTSIDE, ROOT, ROOT / "widgets", os.environ.get("PYTHONPATH", "")]
        return os.environ | {
            "JUPYTER_CONFIG_DIR": str(self.folder / "config"),
            "JUPYTER_RUNTIME_DIR": str(self.folder / "runtime"),
            "JUPYTER_DATA_DIR": str(self.folder / "data"),
            "JUPYTERLAB_SETTINGS_DIR": str(settings),
            "JUPYTERLAB_WORKSPACES_DIR": str(self.folder / "workspaces"),
            "JUPYTER_PLATFORM_DIRS": "1",
            "IPYTHONDIR": str(self.folder / "ipython"),
            "PYTHONPATH": os.pathsep.join(str(path) for path in paths if str(path)),
            "KERAS_ELECTRA_CONNECTIONS": str(self.connections),
        }

    def wait(self, seconds: float = 90) -> None:
        """Return when the server answers."""
        end = time.monotonic() + seconds
        while True:
            try:
                urllib.request.urlopen(f"{self.address}/api/status?token={self.token}", timeout=2)
                return
            except (urllib.error.URLError, OSError):
                if time.monotonic() > end or self.process.poll() is not None:
                    raise TimeoutError(f"JupyterLab did not start:\n{self.log_end()}") from None
                time.sleep(0.2)

    def log_end(self) -> str:
        """The last lines that the server wrote."""
        return self.log.read_text(errors="replace")[-3000:]

    def reached(self) -> list[str]:
        """The addresses outside this machine that a kernel or a run tried to connect to."""
        return self.connections.read_text().splitlines() if self.connections.exists() else []

    def stop(self) -> None:
        """End the server and its kernels."""
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(5)


class Notebook:
    """A notebook in the browser.

    Args:
        page: a page of Playwright; it opens the notebook.
        lab: the server.
        path: the notebook's file, below `lab.work`.
    """

    def __init__(self, page, lab: Lab, path: pathlib.Path):
        self.page, self.lab, self.path = page, lab, path
        name = path.relative_to(lab.work).as_posix()
        place = "lab/tree" if lab.program == "jupyterlab" else "notebooks"
        self.address = f"{lab.address}/{place}/{name}?token={lab.token}&reset"
        page.goto(self.address, wait_until="domcontentloaded")
        self._wait_for_lab()

    def _wait_for_lab(self) -> None:
        self.page.wait_for_function("window.jupyterapp && window.jupyterapp.restored")
        self.page.evaluate("() => window.jupyterapp.restored.then(() => true)")
        self.page.wait_for_selector(".jp-Notebook .jp-CodeCell")
        self.page.wait_for_function(KERNEL_IS_IDLE)
        if self.page.locator("#jp-left-stack:visible").count():
            self.command("application:toggle-left-area")

    def command(self, name: str) -> None:
        """Start one of JupyterLab's commands; its end is not awaited."""
        self.page.evaluate("(name) => { window.jupyterapp.commands.execute(name); }", name)

    def run(self, index: int, is_awaited: bool = True, timeout_seconds: float = 120) -> None:
        """Run a cell; if awaited, return when it has been executed and raise if it failed."""
        before = self.page.evaluate(COUNT_OF_CELL, index)
        self.page.evaluate(RUN_CELL, index)
        if is_awaited:
            self.wait_for_cell(index, before, timeout_seconds)

    def wait_for_cell(self, index: int, former_count, timeout_seconds: float = 120) -> None:
        """Return when a cell has run since its count was the former one; raise if it failed."""
        self.page.wait_for_function(
            f"([index, before]) => {{ const now = ({COUNT_OF_CELL})(index);"
            f"return now !== null && now !== before && ({STATE_OF_CELL})(index) === 'idle'; }}",
            arg=[index, former_count],
            timeout=1000 * timeout_seconds,
        )
        failed = [one for one in self.outputs(index) if one["output_type"] == "error"]
        if failed:
            raise AssertionError(f"cell {index}: {failed[0]['ename']}: {failed[0]['evalue']}")

    def outputs(self, index: int) -> list[dict]:
        """What a cell shows, as the notebook's file would hold it."""
        return self.page.evaluate(OUTPUTS_OF_CELL, index)

    def cell(self, index: int):
        """The locator of a cell."""
        return self.page.locator(f".jp-Notebook .jp-Cell[data-windowed-list-index='{index}']")

    def output(self, index: int):
        """The locator of what a cell shows."""
        return self.cell(index).locator(".jp-Cell-outputWrapper")

    def printed(self, index: int) -> str:
        """The text below a cell."""
        return self.output(index).inner_text()

    def reload(self) -> None:
        """Load the page again; kernel and widgets live on, what was drawn is drawn anew."""
        self.save()
        self.page.reload(wait_until="domcontentloaded")
        self._wait_for_lab()

    def save(self) -> None:
        """Save the notebook and wait until that has happened."""
        self.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")

    def restart_kernel(self) -> None:
        """Restart the kernel, without the question whether to."""
        self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"
        )
        self.page.wait_for_function(KERNEL_IS_IDLE)

    def set_theme(self, is_dark: bool) -> None:
        """Switch JupyterLab's theme and wait until the page has it."""
        name = "JupyterLab Dark" if is_dark else "JupyterLab Light"
        self.page.evaluate(
            "(theme) => { window.jupyterapp.commands.execute('apputils:change-theme', {theme}); }",
            name,
        )
        light = "false" if is_dark else "true"
        self.page.wait_for_function(
            f"() => document.body.dataset.jpThemeLight === '{light}'"
            f" && document.body.dataset.jpThemeName === '{name}'"
        )

    def end_kernel(self) -> None:
        """Shut the kernel down; a run that it started goes on."""
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")

    def hide_code(self) -> None:
        """Hide the cells' code, so that pictures show what they made."""
        self.command("notebook:hide-all-cell-code")

    def num_cells(self) -> int:
        """How many cells there are, to see whether a key was caught by JupyterLab."""
        return self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.content.widgets.length"
        )


COUNT_OF_CELL = """(index) =>
    window.jupyterapp.shell.currentWidget.content.widgets[index].model.executionCount"""
STATE_OF_CELL = """(index) =>
    window.jupyterapp.shell.currentWidget.content.widgets[index].model.executionState"""
OUTPUTS_OF_CELL = """(index) =>
    window.jupyterapp.shell.currentWidget.content.widgets[index].model.outputs.toJSON()"""
# The promise is not returned: it may outlive the cell.
RUN_CELL = """(index) => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    notebook.activeCellIndex = index;
    notebook.deselectAll();
    window.jupyterapp.commands.execute('notebook:run-cell');
}"""


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return opened.getsockname()[1]


def write_notebook(path: pathlib.Path, cells: list[str]) -> None:
    """Write a notebook of code cells, without outputs."""
    written = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"cell-{number}",
            "metadata": {},
            "outputs": [],
            "source": source.strip(),
        }
        for number, source in enumerate(cells)
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    content = {"cells": written, "metadata": {"kernelspec": kernel}}
    path.write_text(json.dumps({**content, "nbformat": 4, "nbformat_minor": 5}))


def needed(*packages: str) -> None:
    """Skip the test if a package is not installed."""
    for name in packages:
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed: pip install 'keras-electra[browser]'")


def opened_in(lab, page, request):
    """What the fixture `notebook` yields, for a server; its kernels end afterwards."""
    opened = []

    def open_notebook(*cells: str):
        path = lab.work / f"{request.node.name.replace('[', '-').rstrip(']')}-{len(opened)}.ipynb"
        write_notebook(path, list(cells))
        opened.append(Notebook(page, lab, path))
        return opened[-1]

    yield open_notebook
    for one in opened:
        one.end_kernel()
