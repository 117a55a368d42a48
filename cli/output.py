"""How commands print: lines and tables for people, JSON for programs; knows nothing of what it prints."""

import codecs
import json
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager

import typer


def note(line: str) -> None:
    """Tell the user something that is not what the command was asked for."""
    typer.echo(f"memedit: {line}", err=True)


def print_json(value: object, *, indent: int | None = 2) -> None:
    """Print one JSON value, on one line without `indent`; where stdout is not UTF-8, in ASCII."""
    is_utf8 = codecs.lookup(sys.stdout.encoding or "ascii").name == "utf-8"
    typer.echo(json.dumps(value, ensure_ascii=not is_utf8, indent=indent))


def print_fields(fields: Sequence[tuple[str, object]]) -> None:
    """Print one line a field; a list takes one line an item, and what is not set is a dash."""
    width = max(len(name) for name, _ in fields)
    for name, value in fields:
        items = value if isinstance(value, (list, tuple)) else [value]
        for place, item in enumerate(items or [None]):
            typer.echo(f"{'' if place else name:<{width}}  {'-' if item is None else item}")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table: drawn on a terminal, elsewhere one line a row, with tabs and nothing cut off."""
    if not sys.stdout.isatty():
        typer.echo("\n".join("\t".join(map(one_line, row)) for row in (columns, *rows)))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column == "ID")
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)


def print_pieces(pieces: Generator[str, None, None]) -> str:
    """Print a text as it comes, without white space before it, and return it."""
    text = ""
    with closing(pieces):
        for piece in pieces:
            new = piece if text else piece.lstrip()
            typer.echo(new, nl=False)
            text += new
    typer.echo()
    return text


def one_line(text: str) -> str:
    """Return `text` with every run of white space, line ends included, as one space."""
    return " ".join(text.split())


def confirmed(question: str) -> bool:
    """Ask on stderr and say whether the answer on stdin is yes."""
    typer.echo(f"{question} [y/N] ", nl=False, err=True)
    return sys.stdin.readline().strip().casefold() in ("y", "yes")


@contextmanager
def progress(label: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Show a bar on stderr, if that is a terminal, while the block runs; give it what to call with how much is done."""
    from rich.console import Console
    from rich.progress import Progress

    stderr = Console(stderr=True)
    with Progress(console=stderr, transient=True, disable=not stderr.is_terminal) as bar:
        task = bar.add_task(label, total=total)
        yield lambda done: bar.update(task, completed=done)
