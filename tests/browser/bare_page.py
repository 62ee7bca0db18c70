"""A page with one widget's script and style and a model of plain JavaScript: no notebook, no server."""

import pathlib

STATIC = pathlib.Path(__file__).parents[2] / "widgets" / "keras_electra_widgets" / "static"

# Some of JupyterLab's own colours, so that a theme is seen as there.
THEMES = {
    False: {"layout-color0": "#fff", "layout-color1": "#fff", "layout-color2": "#eee"}
    | {"ui-font-color1": "rgba(0,0,0,.87)", "ui-font-color2": "rgba(0,0,0,.54)"}
    | {"border-color1": "#bdbdbd", "brand-color1": "#1976d2", "error-color1": "#d32f2f"},
    True: {"layout-color0": "#111", "layout-color1": "#212121", "layout-color2": "#424242"}
    | {"ui-font-color1": "rgba(255,255,255,.87)", "ui-font-color2": "rgba(255,255,255,.54)"}
    | {"border-color1": "#616161", "brand-color1": "#2196f3", "error-color1": "#f44336"},
}

PAGE = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>widget</title>
<style>{theme} body {{ background: var(--jp-layout-color0); color: var(--jp-ui-font-color1);
font: 13px sans-serif; }}</style><style id="css"></style></head>
<body data-jp-theme-light="{is_light}"><main><h1>Widget</h1><div id="root"></div></main></body></html>"""

# What anywidget gives to `render`, as far as its documentation promises it.
LOAD = """async ([esm, css, state]) => {
  const listeners = new Map();
  const emit = (name, ...given) => [...(listeners.get(name) ?? [])].forEach((call) => call(...given));
  let changed = {};
  const model = {
    state, sent: [], saved: [],
    get: (name) => state[name],
    set: (name, value) => {
      if (Object.is(state[name], value)) return;
      state[name] = value; changed[name] = value;
      emit(`change:${name}`, model, value); emit("change", model);
    },
    on: (name, call) => {
      for (const one of name.split(" "))
        listeners.set(one, [...(listeners.get(one) ?? []), call]);
    },
    off: (name, call) => {
      for (const one of name ? name.split(" ") : [...listeners.keys()])
        listeners.set(one, (listeners.get(one) ?? []).filter((other) => call && other !== call));
    },
    send: (content, callbacks, buffers) => model.sent.push(content),
    save_changes: () => { if (Object.keys(changed).length) model.saved.push(changed); changed = {}; },
    receive: (content, buffers) => emit("msg:custom", content, buffers ?? []),
    num_listeners: () => [...listeners.values()].reduce((sum, calls) => sum + calls.length, 0),
  };
  document.getElementById("css").textContent = css;
  const address = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
  const loaded = await import(address);
  let widget = loaded.default;
  if (typeof widget === "function") widget = await widget();
  window.model = model;
  await widget.initialize?.({ model });
  window.cleanup = await widget.render({ model, el: document.getElementById("root") });
}"""


class BarePage:
    """One widget on an otherwise empty page.

    Args:
        page: a page of Playwright.
        esm: the script's file in `static/`, or its path.
        css: the style's file, or None.
        state: what the traits of the widget hold, by name.
        is_dark: JupyterLab's dark theme.
    """

    def __init__(self, page, esm, css=None, state=None, is_dark=False):
        self.page, self.is_dark = page, is_dark
        theme = "".join(f"--jp-{name}: {value};" for name, value in THEMES[is_dark].items())
        is_light = str(not is_dark).lower()
        page.emulate_media(color_scheme="dark" if is_dark else "light")
        page.set_content(PAGE.format(theme=f":root {{{theme}}}", is_light=is_light))
        page.evaluate(LOAD, [read(esm), read(css) if css else "", state or {}])
        self.root = page.locator("#root")

    def get(self, name: str):
        """A trait's value in the page."""
        return self.page.evaluate("(name) => window.model.get(name)", name)

    def set(self, name: str, value) -> None:
        """Set a trait as Python would."""
        self.page.evaluate("([name, value]) => window.model.set(name, value)", [name, value])

    def receive(self, content: dict) -> None:
        """Hand the widget a message of Python's."""
        self.page.evaluate("(content) => window.model.receive(content)", content)

    def sent(self) -> list:
        """The messages that the widget sent to Python."""
        return self.page.evaluate("() => window.model.sent")

    def saved(self) -> list[dict]:
        """The traits that the widget changed, one dict for each `save_changes`."""
        return self.page.evaluate("() => window.model.saved")

    def remove(self) -> int:
        """Take the widget away; returns how many listeners it left behind."""
        return self.page.evaluate(
            "async () => { await window.cleanup?.(); return window.model.num_listeners(); }"
        )


def read(file) -> str:
    path = pathlib.Path(file)
    return (path if path.is_absolute() else STATIC / path).read_text(encoding="utf-8")
