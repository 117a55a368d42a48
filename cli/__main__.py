"""Runs the command line as `python -m memory_editor.cli`."""

from memory_editor.cli.main import run

run()
