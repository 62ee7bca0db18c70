"""A browser for the tests of this folder, pages in it, and a JupyterLab; skipped where they are missing.

`pytest -m browser tests/browser` runs them. Nothing may be asked of another machine: pages cannot resolve
its name, and a request to it fails the test, whether a page, a kernel or a run makes it.
"""

import os
import pathlib
import shutil

import pytest

from browser.lab import Lab, needed, opened_in

HERE = pathlib.Path(__file__).parent
SCREENSHOTS = HERE.parents[1] / "docs" / "screenshots"
FLAGS = [
    "--no-sandbox",  # root, as in a container, cannot have the sandbox
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
]
NAMED_SLIDERS = "() => !document.querySelector('.ke-panel [role=slider]:not([aria-label])')"
LOCAL = ("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:", "about:")


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser():
    """Chromium, as Debian installs it."""
    needed("playwright")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield opened
        opened.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if call.when == "call" and report.failed and "page" in item.funcargs:
        path = item.config.rootpath / ".pytest_cache" / "browser" / f"{item.name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        item.funcargs["page"].screenshot(path=path)
        report.sections.append(("the page when the test failed", str(path)))


@pytest.fixture
def page(browser):
    """An empty page; the test fails if it asks anything of another machine."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    opened = context.new_page()
    opened.set_default_timeout(20_000)
    asked = []
    opened.on("request", lambda request: asked.append(request.url))
    opened.on("websocket", lambda websocket: asked.append(websocket.url))
    yield opened
    context.close()
    outside = [address for address in asked if not address.startswith(LOCAL)]
    assert not outside, f"asked of another machine: {outside}"


@pytest.fixture
def bare(page):
    """A function: shows one widget on an empty page; see `BarePage`. An error in its script fails."""
    from browser.bare_page import BarePage

    failed = []
    page.on("pageerror", lambda error: failed.append(str(error)))
    yield lambda esm, css=None, state=None, is_dark=False: BarePage(page, esm, css, state, is_dark)
    assert not failed, f"failed in the page: {failed}"


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """One JupyterLab for all tests; see `Lab`."""
    needed("jupyterlab", "ipykernel")
    server = Lab(tmp_path_factory.mktemp("lab"))
    try:
        server.wait()
        yield server
    finally:
        server.stop()
    assert not server.reached(), f"connections to another machine: {server.reached()}"


@pytest.fixture
def notebook(page, lab, request):
    """A function: opens a new notebook of the given cells in JupyterLab; see `Notebook`."""
    yield from opened_in(lab, page, request)


@pytest.fixture
def assert_accessible():
    """A function: fails with axe's violations in a page, or in what a selector finds in it."""
    needed("axe_playwright_python")
    from axe_playwright_python.sync_playwright import Axe

    def check(page, selector: str | None = None):
        # A panel names the handles of its sliders within half a second of drawing them.
        page.wait_for_function(NAMED_SLIDERS, timeout=5_000)
        found = Axe().run(page, context=selector).response["violations"]
        assert not found, "\n".join(
            f"{one['id']} ({one['impact']}): {one['help']}\n  "
            + "\n  ".join(
                f"{node['html'][:200]} {node['failureSummary']}" for node in one["nodes"][:5]
            )
            for one in found
        )

    return check


@pytest.fixture
def screenshot():
    """A function: writes a picture to docs/screenshots/, if KERAS_ELECTRA_SCREENSHOTS is set."""

    def take(shown, name: str):
        if not os.environ.get("KERAS_ELECTRA_SCREENSHOTS"):
            return
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page, former = shown.page, shown.page.viewport_size
        # What JupyterLab has scrolled out of view would be missing.
        height = int(shown.bounding_box()["height"]) + 500
        page.set_viewport_size({**former, "height": height})
        shown.scroll_into_view_if_needed()
        # Away from the charts, which show their tools to a pointer.
        page.mouse.move(0, 0)
        page.wait_for_timeout(1500)
        shown.screenshot(path=SCREENSHOTS / f"{name}.png", animations="disabled")
        page.set_viewport_size(former)

    return take
