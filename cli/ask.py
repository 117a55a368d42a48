"""The commands that ask: query and chat with the language model, route without it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from memory_editor.cli import opening, options, output, views
from memory_editor.errors import PromptTooLong

if TYPE_CHECKING:
    from memory_editor.editor import Conversation, MemoryEditor
    from memory_editor.language_model import Message
    from memory_editor.scope.route import Route

Generation: TypeAlias = Callable[[], dict[str, Any]]
"""Gives the options of `generate`, once for each answer."""


def query(
    prompts: options.Prompts,
    *,
    as_chat: Annotated[bool, typer.Option("--chat", help="Send each prompt as the message of a user.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Show which edit answers, and why.")] = False,
    compare: Annotated[bool, typer.Option("--compare", help="Show the base model's answer beside the edited.")] = False,
    max_new_tokens: options.MaxNewTokens = 32,
    sample: options.Sample = False,
    temperature: options.Temperature = None,
    seed: options.Seed = None,
    memory: options.Memory = None,
    namespace: options.Namespace = None,
    model: options.Model = None,
    encoder: options.Encoder = None,
    scope: options.Scope = None,
    max_false_accept: options.MaxFalseAccept = None,
    adapter: options.Adapter = None,
    device: options.Device = None,
    dtype: options.Dtype = None,
    as_json: options.Json = False,
) -> None:
    """Answer prompts.

    With --json, one object a line, which holds the route as well.
    """
    texts = _texts(prompts)
    chosen = opening.settings(
        memory=memory,
        namespace=namespace,
        model=model,
        encoder=encoder,
        scope=scope,
        max_false_accept=max_false_accept,
        adapter=adapter,
        device=device,
        dtype=dtype,
    )
    generation = _generation(max_new_tokens, sample, temperature, seed)
    with opening.open_editor(chosen) as editor:
        for text in texts:
            asked: Conversation = [{"role": "user", "content": text}] if as_chat else text
            if as_json:
                _print_json(editor, text, asked, generation, compare)
                continue
            if len(texts) > 1:
                typer.echo(f"> {text}")
            (_print_compared if compare else _print_answer)(editor, asked, generation)
            if explain:
                typer.echo()
                views.print_route(editor.route(asked))


def chat(
    *,
    max_new_tokens: options.MaxNewTokens = 256,
    sample: options.Sample = False,
    temperature: options.Temperature = None,
    seed: options.Seed = None,
    memory: options.Memory = None,
    namespace: options.Namespace = None,
    model: options.Model = None,
    encoder: options.Encoder = None,
    scope: options.Scope = None,
    max_false_accept: options.MaxFalseAccept = None,
    adapter: options.Adapter = None,
    device: options.Device = None,
    dtype: options.Dtype = None,
) -> None:
    """Talk with the edited model.

    /route explains the last answer; /exit or Ctrl-D ends.
    """
    chosen = opening.settings(
        memory=memory,
        namespace=namespace,
        model=model,
        encoder=encoder,
        scope=scope,
        max_false_accept=max_false_accept,
        adapter=adapter,
        device=device,
        dtype=dtype,
    )
    generation = _generation(max_new_tokens, sample, temperature, seed)
    messages: list[Message] = []
    route: Route | None = None
    with opening.open_editor(chosen) as editor:
        for line in _lines():
            if line == "/exit":
                break
            if line != "/route":
                messages.append({"role": "user", "content": line})
                try:
                    answer = output.print_pieces(editor.stream(messages, **generation()))
                except PromptTooLong as error:
                    output.note(f"{error}; the conversation begins anew")
                    messages.clear()
                    continue
                route = editor.route(messages)
                messages.append({"role": "assistant", "content": answer})
            elif route:
                views.print_route(route)
            else:
                output.note("nothing was asked yet")


def route(
    prompts: options.Prompts,
    *,
    memory: options.Memory = None,
    namespace: options.Namespace = None,
    encoder: options.Encoder = None,
    scope: options.Scope = None,
    max_false_accept: options.MaxFalseAccept = None,
    as_json: options.Json = False,
) -> None:
    """Show which edit would answer, and why.

    Takes no language model. With --json, one object a line.
    """
    texts = _texts(prompts)
    chosen = opening.settings(
        memory=memory, namespace=namespace, encoder=encoder, scope=scope, max_false_accept=max_false_accept
    )
    with opening.open_memory(chosen) as opened:
        from memory_editor.scope.router import Router

        routes = Router(opened, opening.classifier(chosen)).route(texts)
    for place, found in enumerate(routes):
        if as_json:
            output.print_json(found.to_dict(), indent=None)
            continue
        if place:
            typer.echo()
        views.print_route(found)


def _print_answer(editor: "MemoryEditor", asked: "Conversation", generation: Generation) -> None:
    """Print the answer as it comes."""
    output.print_pieces(editor.stream(asked, **generation()))


def _print_compared(editor: "MemoryEditor", asked: "Conversation", generation: Generation) -> None:
    """Print the answers of the base and the edited model side by side."""
    base = editor.base_answer(asked, **generation())
    answer = editor.answer(asked, **generation())
    output.print_table(("BASE", "EDITED"), [(base.strip(), answer.text.strip())])


def _print_json(
    editor: "MemoryEditor", prompt: str, asked: "Conversation", generation: Generation, compare: bool
) -> None:
    base = editor.base_answer(asked, **generation()) if compare else None
    answer = editor.answer(asked, **generation())
    values = {"prompt": prompt, "answer": answer.text, "base_answer": base, "route": answer.route.to_dict()}
    output.print_json(values, indent=None)


def _generation(max_new_tokens: int, sample: bool, temperature: float | None, seed: int | None) -> Generation:
    """Return what sets the seed, if there is one, and gives the options of `generate`."""
    generation: dict[str, Any] = {"max_new_tokens": max_new_tokens, "do_sample": sample or temperature is not None}
    if temperature is not None:
        generation["temperature"] = temperature

    def seeded() -> dict[str, Any]:
        if seed is not None:
            import torch

            torch.manual_seed(seed)
        return generation

    return seeded


def _texts(prompts: list[str]) -> list[str]:
    """Return the prompts, those of stdin in the place of "-"."""
    texts = [text for prompt in prompts for text in (_lines() if prompt == "-" else [prompt])]
    if not all(text.strip() for text in texts):
        raise typer.BadParameter("a prompt must not be empty")
    return texts


def _lines() -> Iterator[str]:
    """Yield the lines of stdin that are not blank; on a terminal, ask for each."""
    prompt = ""
    if sys.stdin.isatty() and sys.stdout.isatty():  # `input` writes to stdout, which may be a file of answers
        prompt = "> "
        with suppress(ImportError):
            import readline  # noqa: F401 - gives `input` a line editor
    with suppress(EOFError):
        while True:
            if line := input(prompt).strip():
                yield options.checked_text(line)
