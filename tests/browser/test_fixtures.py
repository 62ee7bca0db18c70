"""The fixtures of this folder: a widget alone on a page, and notebooks in a JupyterLab."""

import pathlib

import pytest

COUNTER = """
function render({ model, el }) {
  const button = document.createElement("button");
  const draw = () => { button.textContent = `count ${model.get("count")}`; };
  button.onclick = () => {
    model.set("count", model.get("count") + 1); model.save_changes(); model.send({ id: 1 });
  };
  model.on("change:count", draw); draw();
  model.on("msg:custom", (content) => { el.title = content.text; });
  el.append(button);
  return () => model.off();
}
export default { render };
"""


@pytest.fixture
def counter(tmp_path):
    path = tmp_path / "counter.js"
    path.write_text(COUNTER)
    return path


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
def test_a_widget_on_a_bare_page(bare, counter, assert_accessible, is_dark):
    widget = bare(counter, state={"count": 2}, is_dark=is_dark)
    button = widget.root.get_by_role("button", name="count 2")
    button.click()
    assert (
        widget.get("count") == 3
        and widget.saved() == [{"count": 3}]
        and widget.sent() == [{"id": 1}]
    )
    widget.set("count", 7)
    widget.root.get_by_role("button", name="count 7").wait_for()
    widget.receive({"text": "told"})
    assert widget.root.get_attribute("title") == "told"
    assert_accessible(widget.page)
    assert widget.remove() == 0


def test_axe_finds_what_is_wrong(bare, tmp_path, assert_accessible):
    path = tmp_path / "nameless.js"
    path.write_text(
        "export default { render: ({ el }) => el.append(document.createElement('button')) };"
    )
    with pytest.raises(AssertionError, match="button-name"):
        assert_accessible(bare(path).page)


def test_a_notebook_runs_reloads_restarts_and_changes_its_theme(notebook):
    opened = notebook(
        "import os, sys\nvalue = os.getpid()\nprint('one', value)",
        "print('value' in globals())",
        "import keras_electra\nprint(keras_electra.__file__)",
        "1 / 0",
        "import socket\ntry:\n    socket.create_connection(('192.0.2.1', 80), 1)\n"
        "except ConnectionRefusedError as error:\n    print(error)",
    )
    opened.run(0)
    assert "one" in opened.printed(0)
    opened.reload()
    assert "one" in opened.printed(0)
    opened.run(1)
    assert "True" in opened.printed(1)
    opened.restart_kernel()
    opened.run(1)
    assert "False" in opened.printed(1)
    opened.run(2)
    assert str(pathlib.Path(__file__).parents[2]) in opened.printed(2)
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        opened.run(3)
    opened.run(4)
    assert "refuses the connection" in opened.printed(4)
    assert opened.lab.reached()[-1].startswith("192.0.2.1:80")
    opened.lab.connections.unlink()
    opened.set_theme(is_dark=True)
    opened.set_theme(is_dark=False)
    assert opened.num_cells() == 5
