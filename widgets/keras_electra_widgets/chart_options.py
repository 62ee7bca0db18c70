"""The options that stand beside curves, each as the widget that every panel with curves has."""

import ipywidgets

from keras_electra.errors import InputError
from keras_electra.monitoring.axes import smoothed

ROW = {"flex_flow": "row wrap", "align_items": "center"}
"""Layout of a row of options that goes on below where the page is narrow."""


def refuse_wrong(axis: str, axes, smoothing: float) -> None:
    """Raise `InputError` for an axis that is none of `axes`, or a smoothing that is not in [0, 1)."""
    if axis not in axes:
        raise InputError(f"axis: expected one of {', '.join(axes)}, received {axis!r}")
    smoothed([], smoothing)


def axis_choice(axes, chosen: str) -> ipywidgets.Dropdown:
    """What stands below the curves: a name of `axes`."""
    return ipywidgets.Dropdown(
        options=list(axes), value=chosen, description="x axis", layout={"width": "180px"}
    )


def smoothing_slider(smoothing: float) -> ipywidgets.FloatSlider:
    """How much curves are smoothed, from 0 to 0.99."""
    return ipywidgets.FloatSlider(
        min=0.0,
        max=0.99,
        step=0.01,
        value=min(smoothing, 0.99),
        description="smoothing",
        continuous_update=False,
    )


def tick_box(description: str, value: bool = False) -> ipywidgets.Checkbox:
    """A box as wide as its words."""
    return ipywidgets.Checkbox(
        value=bool(value),
        description=description,
        indent=False,
        layout=ipywidgets.Layout(width="auto"),
    )
