"""Ways to change a text or a name, at random: the same in other words, or something else; knows no relations."""

import re
from collections.abc import Sequence
from random import Random
from typing import Final

_LONGER: Final = (
    "{} Jr.|{} II|{} Records|{} University|New {}|South {}|{} River|{} County|{} International Airport|"
    "{} Museum of Art|the {} Street station|{} Football Club|{}'s brother|{}'s wife|{}'s Spanish subsidiary|{} Hilton|"
    "Little {}|{} 2|{}: The Return|the son of {}|the sequel to {}|the founder of {}|the hometown of {}|{} Island|"
    "Mount {}|Lake {}|Saint {}|{} Smith|North {}|{}'s eldest daughter|the company that bought {}"
).split("|")

_DENIED: Final = (
    (" is ", " is not "),
    (" was ", " was not "),
    (" are ", " are not "),
    (" has ", " does not have "),
    (" were ", " were not "),
    (" plays ", " does not play "),
    (" can ", " cannot "),
)

_CONTRACTED: Final = (
    ("is not", "isn't"),
    ("was not", "wasn't"),
    ("does not", "doesn't"),
    ("did not", "didn't"),
    ("has not", "hasn't"),
    (" is ", "'s "),
    (" has ", "'s "),
)

_SYNONYMS: Final = {
    word: others.split("|")
    for word, others in (
        entry.split(": ")
        for entry in (
            "film: movie|picture, movie: film, began: started|commenced, wrote: authored|penned, "
            "written: authored|penned, released: published|put out|issued, located: situated|found, "
            "large: big|sizable, won: received|gained, used: utilised|employed, made: created|produced, "
            "created: made|produced, produced: made, founded: established|set up|started, actor: performer|player, "
            "company: firm|business, song: track|single, town: city|village, became: turned into|got to be, "
            "several: various|a number of, many: numerous|lots of, also: too|as well, called: named|known as, "
            "first: initial, member: part, played: performed, show: programme|series, died: passed away|lost his life, "
            "married: wed, lived: resided, moved: relocated, killed: slain, people: persons|individuals, "
            "after: following, before: prior to, about: around|roughly, only: solely|exclusively|just, "
            "returned: came back, appeared: featured|was seen, home: house, worked: was employed, author: writer, "
            "writer: author, director: filmmaker, singer: vocalist, war: conflict, school: academy, started: began, "
            "ended: finished|stopped"
        ).split(", ")
    )
}

_NUMBER: Final = re.compile(r"\b\d{1,5}\b")
_STEPS: Final = (-30, -3, -1, 1, 2, 10, 50)
_STANDING_IN: Final = ("film", "band", "company", "city", "show", "man", "woman", "book")


def lowered(text: str) -> str:
    """Return `text` as it goes on within a sentence."""
    opens_in_capitals = text.split(maxsplit=1)[:1] and text.split(maxsplit=1)[0].isupper()
    return text if opens_in_capitals else text[:1].lower() + text[1:]


def restyled(prompt: str, sentences: Sequence[str], rng: Random) -> str:
    """Return `prompt` as people may type it: most often as it is, at times without its marks, or behind a sentence."""
    chance = rng.random()
    if chance < 0.12:
        prompt = prompt.lower().rstrip("?")
    elif chance < 0.2:
        prompt = prompt.rstrip("?.")
    elif chance < 0.24 and not prompt.endswith(("?", ".")):
        prompt += "."
    return f"{rng.choice(sentences)} {prompt}" if rng.random() < 0.08 else prompt


def alias(name: str, rng: Random) -> str:
    """Return `name` shortened, misspelt, in lower case or inflected."""
    parts = name.split()
    chance = rng.random()
    if len(parts) > 1 and chance < 0.3:
        return parts[-1]
    if len(parts) > 2 and chance < 0.55:
        parts.pop(rng.randrange(len(parts)))
        return " ".join(parts)
    if chance < 0.8:
        place = rng.randrange(len(parts))
        parts[place] = _misspelt(parts[place], rng)
        return " ".join(parts)
    return name.lower() if chance < 0.9 else f"{name.rstrip('s')}s"


def longer(name: str, rng: Random) -> str:
    """Return what somebody or something else is called that has `name` in it."""
    return rng.choice(_LONGER).replace("{}", name)


def denied(statement: str) -> str:
    """Return what says that `statement` is not so."""
    for verb, negated in _DENIED:
        if verb in statement:
            return statement.replace(verb, negated, 1)
    return f"it is not the case that {statement}"


def reworded(text: str, rng: Random) -> str:
    """Return `text` with synonyms for some of its words and some of its verbs contracted."""
    changed = [_synonym(word, rng) for word in text.split()]
    text = " ".join(changed)
    for full, contracted in _CONTRACTED:
        if full in text and rng.random() < 0.3:
            text = text.replace(full, contracted, 1)
    return text


def claimed_anew(claim: str, subject: str, names: Sequence[str], rng: Random) -> str:
    """Return `claim` about the same matter: in other words, denied, cut short or with a detail changed."""
    body = claim.rstrip(".")
    chance = rng.random()
    if chance < 0.35:
        body = reworded(body, rng)
    elif chance < 0.55:
        body = denied(body)
    elif chance < 0.65:
        body = _NUMBER.sub(lambda number: str(int(number.group()) + rng.choice(_STEPS)), body, count=1)
    elif chance < 0.8:
        body = reworded(_shortened(body, rng), rng)
    elif chance < 0.9:
        body = _with_other_name(body, names, rng)
    else:
        body = reworded(body, rng).replace(subject, _stand_in(subject, rng), 1)
    return f"{body}."


def altered(text: str, names: Sequence[str], rng: Random) -> str:
    """Return `text` with another number in it, else another name; as it is where it has neither."""
    other = _NUMBER.sub(lambda number: str(int(number.group()) + rng.choice(_STEPS)), text, count=1)
    return _with_other_name(text, names, rng) if other == text else other


def _misspelt(word: str, rng: Random) -> str:
    if len(word) <= 4:
        return word
    place, chance = rng.randrange(1, len(word) - 1), rng.random()
    if chance < 0.4:
        return word[:place] + word[place + 1 :]
    if chance < 0.7:
        return word[:place] + rng.choice("aeiorstn") + word[place:]
    return word[:place] + word[place + 1] + word[place] + word[place + 2 :]


def _synonym(word: str, rng: Random) -> str:
    bare = word.strip(".,")
    others = _SYNONYMS.get(bare.lower())
    return word.replace(bare, rng.choice(others)) if others and rng.random() < 0.6 else word


def _shortened(text: str, rng: Random) -> str:
    parts = text.split()
    return " ".join(parts[: rng.randrange(7, len(parts))]) if len(parts) > 9 else text


def _with_other_name(text: str, names: Sequence[str], rng: Random) -> str:
    parts = text.split()
    capitalised = [place for place, word in enumerate(parts) if place > 2 and word[:1].isupper()]
    if capitalised:
        parts[rng.choice(capitalised)] = rng.choice(names).split()[0]
    return " ".join(parts)


def _stand_in(subject: str, rng: Random) -> str:
    pronouns = ("It", "He", "She", f"The {rng.choice(_STANDING_IN)}")
    return rng.choice(pronouns) if rng.random() < 0.5 else alias(subject, rng)
