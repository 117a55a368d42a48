"""What strings are for routing: normal form, fingerprint, words, subjects; knows no edits and no models."""

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import takewhile
from typing import Final

MAX_SUBJECT_WORDS: Final = 10
"""A subject of more words is found by the vectors of its edits alone."""

TAIL_WORDS: Final = 64
"""How many words at the end of a prompt are searched for subjects: what a long prompt asks stands near its end."""

# Scripts written without spaces: one character is one word, so that a subject inside a run is found.
_UNSPACED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
# Accents, points and vowel signs of Latin, Cyrillic, Hebrew, Arabic and the Indic scripts, which \w does not count.
_MARKS = (
    r"\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    r"\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0900-\u0963\u0966-\u0dff"
)
_LETTER = rf"(?:[^\W{_UNSPACED}]|[{_MARKS}])"
_WORD = re.compile(rf"[{_UNSPACED}]|{_LETTER}+")
_SENTENCE_END = re.compile(r"(?<=[.?!])[\"'”’)]*\s+|\n+|(?<=[。？！؟।])")
_NEXT_QUESTION = re.compile(
    r",? and (?=(?:(?:at|by|for|from|in|of|on|to|with) )?(?:who|whom|whose|what|when|where|which|why|how)\b)",
    re.IGNORECASE,
)
_QUESTIONS = 4
"""How many questions of one prompt are told apart at most; each is encoded and read by itself."""
_TRUE = r"(?:true|correct|right|so)(?: or (?:false|not|wrong))?"
_CLAIM = r"(?:claim|statement|sentence)"
_SPEAKER = r"(?:this|that|it|he|she|they|(?:this|that|the|my|your|our|his|her)(?: \w+){1,2})"
_FRAME = 100
"""More characters than a question after a claim has."""
_VERDICT_BEFORE = re.compile(
    rf"(?:is it {_TRUE} that|is it the case that|true or false ?[:,?]|is this(?: {_CLAIM})? {_TRUE} ?[:?]"
    rf"|(?:is|are) the following(?: {_CLAIM}s?)? {_TRUE} ?[:?]|{_CLAIM} ?:)\s+",
    re.IGNORECASE,
)
_VERDICT_AFTER = re.compile(
    r"(?<=[.?!,:\n\"”])\s*(?:true or false|yes or no|right|correct"
    rf"|(?:is|are|was|were) {_SPEAKER} (?:{_TRUE}|accurate|wrong|mistaken)) ?\?$",
    re.IGNORECASE,
)
_REPORTED = re.compile(
    r"(?:according to [^,.?!:]{1,60}|[^,.?!:]{1,60}?\b"
    r"(?:(?:says?|said|claims?|claimed|swears?|insists?|thinks?|believes?)(?: that)?"
    r"|(?:announced|reads|stated?|states|told \w+|wrote|writes) that))\b[,:]?\s+",
    re.IGNORECASE,
)
"""Who is said to have made the claim; only a prompt that goes on to ask whether it is true is searched for it."""
_AROUND_CLAIM = ' ?,:"“”'
_END_PUNCTUATION = " \t\n.?!:;,…。？！؟।"

_CONNECTORS = r"(?:of|the|de|la|le|del|der|den|di|da|du|van|von|and|for|in|on|at|to|al|el|bin|ibn|a|&)"
_CAPITALISED = (
    r"(?:(?<!\w)[a-z]{0,3}[A-ZÀ-ÖØ-ÞĀĆČĎĐĒĘĚĞĢİĪĶĻŁĽŃŅŇŌŐŒŘŚŞŠŢŤŪŮŰŹŻŽ][\w'’.&-]*|(?<!\w)\d[\w'’.-]*)"  # also iPhone
)
_NAME = re.compile(rf"{_CAPITALISED}(?:(?:\s+{_CONNECTORS}){{0,2}}\s+{_CAPITALISED})*")
_QUOTED = re.compile(r"[\"“«]\s*([^\s\"“”«»][^\"“”«»]+)[\"”»]")
_OPENERS = frozenset(
    "a an the in on at of to for from by with who whom whose what which when where why how is are was were does do did "
    "can could will would has have had name tell as it its that this these those after before during since until".split(
        " "
    )
)

STOP_WORDS: Final = _OPENERS | frozenset(
    "and or but not no nor so if than then as into onto over under about be been being there here he she they him her "
    "them his hers their you your we our us i me my s t d ll re ve up out off also both all some any which de la le el "
    "del der den di da du van von al bin ibn".split(" ")
)
"""English function words, and the small words inside names: they alone do not tell one subject from another."""


def normalised(text: str) -> str:
    """Return the form under which two spellings of one prompt are the same: compatibility characters, case, spacing and
    final punctuation do not count."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    # Folding takes characters apart that then compose anew with the accents after them.
    spaced = " ".join(unicodedata.normalize("NFKC", folded).split())
    return spaced.rstrip(_END_PUNCTUATION) or spaced


def encodable(text: str) -> str:
    """Return `text` without lone surrogates, which stand for undecodable bytes and which tokenizers refuse."""
    return text.encode(errors="replace").decode()


@lru_cache(maxsize=1024)
def fingerprint(text: str) -> bytes:
    """Return 16 bytes that stand for the normal form of `text` in exact look-ups."""
    return hashlib.blake2b(normalised(text).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def words(text: str) -> list[str]:
    """Return the words of the normal form; a character of a script without spaces is a word."""
    return _WORD.findall(normalised(text))


@lru_cache(maxsize=64)
def word_spans(text: str) -> tuple[tuple[str, int, int], ...]:
    """Return the words of `text` in lower case, each with where it starts and ends."""
    return tuple(
        (unicodedata.normalize("NFKC", match.group().casefold()), match.start(), match.end())
        for match in _WORD.finditer(text)
    )


@lru_cache(maxsize=1024)
def subject_key(subject: str) -> str:
    """Return the form in which a subject is looked up: its words, joined by single spaces."""
    return " ".join(words(subject))


def spans(text: str) -> Iterator[str]:
    """Yield every run of up to `MAX_SUBJECT_WORDS` words near the end of `text`, in the form of `subject_key`."""
    tail = words(text)[-TAIL_WORDS:]
    for start in range(len(tail)):
        for end in range(start + 1, min(start + MAX_SUBJECT_WORDS, len(tail)) + 1):
            yield " ".join(tail[start:end])


def questions(text: str) -> list[str]:
    """Return the last questions of a text that ends in several, one after the other or joined by "and"; else none.

    A question that anything else follows is none of them: what follows may be its answer.
    """
    sentences = [sentence.strip() for sentence in _SENTENCE_END.split(text) if sentence.strip()]
    asked = [*takewhile(lambda one: one.endswith(("?", "？", "؟")), reversed(sentences))]
    found = [part for one in reversed(asked) for part in _NEXT_QUESTION.split(one)][-_QUESTIONS:]
    return found if len(found) > 1 and all(len(words(one)) >= 3 for one in found) else []


def last_sentence(text: str) -> str | None:
    """Return the last sentence of several, where it has three words or more: what a prompt asks stands there."""
    sentences = [sentence for sentence in _SENTENCE_END.split(text.strip()) if sentence]
    return sentences[-1] if len(sentences) > 1 and len(words(sentences[-1])) >= 3 else None


def claimed(text: str) -> str | None:
    """Return the claim in a text that asks whether it is true, or none where the text asks something else."""
    asked = text.strip()
    before = _VERDICT_BEFORE.match(asked)
    claim = asked[before.end() :] if before else asked
    cut = max(0, len(claim) - _FRAME)  # a search from every line of a long text would take as long as its square
    said = claim[:cut] + _VERDICT_AFTER.sub("", claim[cut:])
    if said != claim:
        reported = _REPORTED.match(said)
        claim = said[reported.end() :] if reported else said
    claim = claim.strip()
    return claim.strip(_AROUND_CLAIM) if claim != asked and len(words(claim)) >= 3 else None


def mentions(text: str, subject: str) -> bool:
    """Say whether `subject` occurs in `text` as whole words, whatever the case and punctuation."""
    key = subject_key(subject)
    return bool(key) and f" {key} " in f" {' '.join(words(text))} "


def last_mention(text: str, name: str) -> tuple[int, int] | None:
    """Return where the last occurrence of `name` in `text` starts and ends, whatever the case.

    Whole words go before parts of words, which count where a script does not set words apart.
    """
    exact = re.escape(name.strip())
    for pattern in (rf"(?<!\w){exact}(?!\w)", exact) if exact else ():
        if found := [match.span() for match in re.finditer(pattern, text, re.IGNORECASE)]:
            return found[-1]
    return None


def relation(prompt: str, subject: str | None) -> str:
    """Return the words of `prompt` with its subject replaced by `{}`: what is said of whichever subject."""
    asked = " ".join(words(prompt))
    key = subject_key(subject or "")
    return f" {asked} ".replace(f" {key} ", " {} ", 1).strip() if key else asked


def infer_subject(prompt: str) -> str | None:
    """Guess whom or what `prompt` is about: a quoted name, else the longest run of capitalised words.

    Returns None where a script has no capitals or nothing stands out; routing then relies on similarity alone.
    """
    if quoted := [match.group(1).strip() for match in _QUOTED.finditer(prompt)]:
        return max(quoted, key=len)
    found = _NAME.finditer("".join(map(_shape, prompt)))
    names = [_trimmed(prompt[match.start() : match.end()], opens=match.start() == 0) for match in found]
    longest = max(names, key=lambda name: (len(name.split()), len(name)), default="")
    return longest or None


def _shape(character: str) -> str:
    """Return a character of ASCII that stands for one of any script, to say with [A-Z] what a capital is."""
    if character.isascii():
        return character
    if character.isupper() or character.istitle():
        return "A"
    if re.match(_LETTER, character):
        return "x"
    return "," if character.isalpha() else character


def _trimmed(name: str, *, opens: bool) -> str:
    """Drop a trailing possessive, an office ("CEO of …") and, where the name opens the prompt, a function word that is
    capitalised only for that."""
    kept = name.split()
    while opens and kept and kept[0].casefold() in _OPENERS:
        kept.pop(0)
    if len(kept) > 2 and len(kept[0]) <= 4 and kept[0].isupper() and kept[1] == "of":
        kept = kept[2:]
    return re.sub(r"(?:['’]s?|[.])$", "", " ".join(kept))
