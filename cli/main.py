"""The application: its commands, and what a user sees when one fails; imports nothing heavy."""

import os
import sys
from collections.abc import Callable
from io import TextIOWrapper
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from memory_editor import __version__
from memory_editor.cli import (
    adapter,
    ask,
    bench,
    browse,
    check,
    codebook,
    consolidate,
    demo,
    edit,
    facts,
    models,
    moments,
    neurons,
    options,
    scope,
    trace,
    transfer,
    upkeep,
)
from memory_editor.cli import eval as evaluate
from memory_editor.cli.output import note
from memory_editor.errors import MemoryEditorError

# What a shell reports of a command that SIGINT or SIGPIPE ended.
_INTERRUPTED: Final = 130
_PIPE_CLOSED: Final = 141


class Commands(TyperGroup):
    """The commands, with one line and an exit code for whatever goes wrong in any of them."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse arguments that are no text before any command sees them."""
        return super().parse_args(ctx, [options.checked_text(text) for text in args])

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except MemoryEditorError as error:
            note(f"error: {' '.join(str(error).split())}")
            raise typer.Exit(1) from error
        except KeyboardInterrupt as interrupt:
            note(str(interrupt) or "interrupted; what was finished is kept")
            raise typer.Exit(_INTERRUPTED) from interrupt
        except OSError as error:
            # What is still buffered must not fail once more at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if isinstance(error, BrokenPipeError):  # whoever read our output has left
                raise typer.Exit(_PIPE_CLOSED) from error
            note(f"error: {error}")
            raise typer.Exit(1) from error
        return result


app = typer.Typer(
    name="memedit",
    cls=Commands,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_COMMANDS: Final[dict[str, Callable[..., None]]] = {
    "add-fact": facts.add_fact,
    "query": ask.query,
    "chat": ask.chat,
    "route": ask.route,
    "check": check.check,
    "consolidate": consolidate.consolidate,
    "list": browse.list_edits,
    "show": browse.show,
    "update": facts.update,
    "remove": facts.remove,
    "purge": facts.purge,
    "history": browse.history,
    "undo": browse.undo,
    "import": transfer.import_edits,
    "export": transfer.export,
    "backup": transfer.backup,
    "status": upkeep.status,
    "verify": upkeep.verify,
    "reindex": upkeep.reindex,
    "demo": demo.demo,
    "edit": edit.edit,
    "apply": edit.apply,
    "revert": edit.revert,
    "bench": bench.bench,
    "moments": moments.moments,
    "trace": trace.trace,
    "neurons": neurons.neurons,
}
for _name, _command in _COMMANDS.items():
    app.command(_name)(_command)
app.add_typer(adapter.app, name="adapter")
app.add_typer(models.app, name="models")
app.add_typer(scope.app, name="scope")
app.add_typer(codebook.app, name="codebook")
app.add_typer(evaluate.app, name="eval")


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"memedit {__version__}")
        raise typer.Exit


@app.callback()
def memedit(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Change what a language model answers, at once and reversibly, by a memory of edits.

    Options go before MEMEDIT_* environment variables, these before the settings file that MEMEDIT_CONFIG names.
    """


def run() -> None:
    """Run the command line.

    Exits with 0, or 1 for an error, 2 for wrong usage, 130 for an interrupt, 141 for a closed pipe.
    """
    # Text that the terminal's encoding lacks comes through as escapes, in and out, instead of ending the command.
    for stream, errors in ((sys.stdin, "surrogateescape"), (sys.stdout, "backslashreplace")):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=errors)
    app(prog_name="memedit")
