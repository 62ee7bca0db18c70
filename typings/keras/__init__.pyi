"""Keras without types: it declares none, and what a checker infers changes with the backend it assumes."""

from typing import Any

def __getattr__(name: str) -> Any: ...
