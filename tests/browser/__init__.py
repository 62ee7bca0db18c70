"""Panels in a browser: alone on a page, and in a JupyterLab."""
