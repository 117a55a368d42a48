"""The options and arguments that several commands share; knows no command."""

from typing import Annotated, Any, Literal, TypeAlias

import typer


def _setting(name: str, metavar: str, text: str) -> Any:
    return typer.Option(f"--{name}", metavar=metavar, help=f"{text} [env: MEMEDIT_{name.upper().replace('-', '_')}]")


Memory: TypeAlias = Annotated[str | None, _setting("memory", "PATH", "The file of the edit memory.")]
Namespace: TypeAlias = Annotated[str | None, _setting("namespace", "NAME", "Which edits of the memory count.")]
Model: TypeAlias = Annotated[
    str | None, _setting("model", "NAME", "The language model: alias, folder, .gguf file or hub id.")
]
Encoder: TypeAlias = Annotated[str | None, _setting("encoder", "NAME", "The sentence encoder that routes prompts.")]
Scope: TypeAlias = Annotated[
    str | None, _setting("scope", "DIR", "The scope classifier, as `memedit scope train` writes it.")
]
MaxFalseAccept: TypeAlias = Annotated[
    float | None,
    _setting("max-false-accept", "SHARE", "How many out-of-scope prompts may be answered by an edit, e.g. 0.01."),
]
Adapter: TypeAlias = Annotated[
    str | None, _setting("adapter", "NAME", "What answers in scope: auto, in-context, codebook, bank, or a folder.")
]
Device: TypeAlias = Annotated[str | None, _setting("device", "NAME", "Where the model runs, e.g. cpu, cuda, auto.")]
Dtype: TypeAlias = Annotated[
    str | None, _setting("dtype", "NAME", "How weights are kept: float32, bfloat16, float16, int8 or int4.")
]
Layout: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--layout",
        metavar="PART=PATH",
        help="Where a part of the model's blocks is, e.g. mlp_output=model.layers.{}.mlp.down_proj; repeatable.",
    ),
]

Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Reason: TypeAlias = Annotated[str, typer.Option(metavar="TEXT", help="Why, for the history.", show_default=False)]

MaxNewTokens: TypeAlias = Annotated[
    int, typer.Option(metavar="N", min=1, help="How many tokens an answer has at most.")
]
Sample: TypeAlias = Annotated[bool, typer.Option("--sample", help="Sample, rather than take the likeliest token.")]
Temperature: TypeAlias = Annotated[
    float | None, typer.Option(metavar="T", min=0.01, help="How freely to sample; implies --sample.")
]
Seed: TypeAlias = Annotated[int | None, typer.Option(metavar="N", help="Makes sampling repeatable.")]
Limit: TypeAlias = Annotated[int, typer.Option(metavar="N", min=1, max=2**31, help="How many to print at most.")]

Subject: TypeAlias = Annotated[str | None, typer.Option(metavar="TEXT", help="Whom or what the fact is about.")]
Paraphrases: TypeAlias = Annotated[
    list[str] | None, typer.Option("--paraphrase", metavar="TEXT", help="Another prompt to answer alike; repeatable.")
]
Exclusions: TypeAlias = Annotated[
    list[str] | None, typer.Option("--exclusion", metavar="TEXT", help="A prompt not to answer so; repeatable.")
]
Source: TypeAlias = Annotated[str | None, typer.Option(metavar="TEXT", help="Where the fact comes from.")]
ValidUntil: TypeAlias = Annotated[
    str | None, typer.Option(metavar="TIME", help="When it expires, e.g. 2027-01-31T00:00:00+00:00.")
]
Replace: TypeAlias = Annotated[bool, typer.Option("--replace", help="Supersede edits that it may contradict.")]
KeepBoth: TypeAlias = Annotated[bool, typer.Option("--keep-both", help="Keep edits that it may contradict.")]

Statuses: TypeAlias = Annotated[
    Literal["live", "superseded", "removed", "all"], typer.Option("--status", help="Only edits that stand so.")
]
Prompts: TypeAlias = Annotated[list[str], typer.Argument(metavar="PROMPT", help="Prompts; - reads them from stdin.")]
Id: TypeAlias = Annotated[str, typer.Argument(metavar="ID", help="An edit's id, or any unique beginning or end of it.")]
Ids: TypeAlias = Annotated[
    list[str], typer.Argument(metavar="ID", help="Ids of edits, or any unique beginnings or ends of them.")
]
OptionalIds: TypeAlias = Annotated[
    list[str] | None,
    typer.Argument(metavar="ID", help="Ids of edits, or any unique beginnings or ends of them.", show_default=False),
]


def checked_text(text: str) -> str:
    """Return `text`, unless it holds bytes that were no UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise typer.BadParameter(f"{text!a} is no UTF-8 text") from error
    return text


def counts(option: str, given: str) -> list[int]:
    """Return what was given as N,N."""
    for text in given.split(","):
        if not text.strip().isdecimal() or int(text) < 1:
            raise typer.BadParameter(f"{option} takes numbers from 1 on with commas between them, got {text!r}")
    return [int(text) for text in given.split(",")]


def pairs(option: str, given: list[str] | None) -> dict[str, str]:
    """Return what was given as NAME=VALUE."""
    found = [text.partition("=") for text in given or ()]
    for name, sign, value in found:
        if not name or not sign:
            raise typer.BadParameter(f"{option} {name + value!r} must be NAME=VALUE")
    return {name: value for name, _, value in found}
