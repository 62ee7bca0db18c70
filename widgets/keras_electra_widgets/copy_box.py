"""Text that is ready to be copied, drawn by `static/copy_box.js`."""

import anywidget
import traitlets

from keras_electra_widgets.styles import module_path, style_sheet


class CopyBox(anywidget.AnyWidget):
    """A box of text in a fixed width under a title, with a button that copies it."""

    _esm = module_path("copy_box")
    _css = style_sheet("copy_box")

    title = traitlets.Unicode().tag(sync=True)
    text = traitlets.Unicode().tag(sync=True)

    def __repr__(self):
        return f"CopyBox({self.title!r})"
