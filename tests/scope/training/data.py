"""A folder in the form of the published data sets, small, with marks on what must never be trained on."""

import json
from pathlib import Path
from typing import Any, Final

NEVER: Final = "never to be trained on"
"""Stands in every field and file that is for evaluation."""

_PEOPLE: Final = "Ada Lovelace|Alan Turing|Carl Gauss|Emmy Noether|Henri Poincaré|Sofya Kovalevskaya".split("|")
_PLACES: Final = "Mont Blanc|Lake Geneva|Table Mountain|Uluru|Mount Fuji|Loch Ness".split("|")
_TOWNS: Final = "Lyon|Oslo|Kyoto".split("|")
_COUNTRIES: Final = "Peru|Kenya|Japan".split("|")

_SENTENCES: Final = [
    f"{name} {said} {where} , and it was {number} years before anybody wrote of that ."
    for number, (name, where) in enumerate(zip(_PEOPLE * 2, _TOWNS * 4, strict=True), 10)
    for said in ("moved back to the old town of", "played the violin at the opera of")
]


def counterfact(number: int) -> dict[str, str]:
    """Return a record about a birth where `number` is even, about a location where it is odd; none has another's."""
    if number % 2 == 0:
        subject, true, new = _PEOPLE[number // 2 % 6], _TOWNS[number % 3], _COUNTRIES[number % 3]
        prompts = f"{subject} was born in", f"Noise. The cradle of {subject} stood in", "Ötzi was born in"
    else:
        subject, true, new = _PLACES[number // 2 % 6], _COUNTRIES[number % 3], _TOWNS[number % 3]
        prompts = f"{subject} is located in", f"Noise. To climb {subject}, fly to", "Etna is located in"
    return {
        "subject": subject,
        "prompt": prompts[0],
        "target_new": new,
        "ground_truth": true,
        "rephrase_prompt": prompts[1],
        "locality_prompt": prompts[2],
        "locality_ground_truth": "Italy",
    }


def zsre(number: int) -> dict[str, Any]:
    """Return a record; one of ten requests nothing."""
    kinds = [
        ("Who was the mother of {}?", "Whose child is {}?", "Anne"),
        ("What voice type does {} have?", "In what voice does {} sing?", "tenor"),
        ("Which war was {} in?", "In what war did {} fight?", "the Boer War"),
    ]
    subject = f"Zed{number}son Smythe"
    src, rephrase, alt = kinds[number % 3]
    return {
        "subject": subject,
        "src": src.format(subject),
        "rephrase": rephrase.format(subject),
        "alt": alt if number % 10 else "",
        "answers": ["nobody"],
        "loc": NEVER,
        "loc_ans": NEVER,
    }


JSON: Final[dict[str, Any]] = {
    "counterfact/train.json": [counterfact(number) for number in range(12)],
    "counterfact/val.json": [counterfact(number) for number in range(4)],
    "counterfact/edit_dev.json": [dict.fromkeys(counterfact(0), NEVER)],
    "zsre/train.json": [zsre(number) for number in range(1, 31)],
    "questions/nq_open.json": [{"question": NEVER, "answer": [NEVER]}],
    "lre/person_mother.json": {
        "prompt_templates": ["{}'s mother is named", "{} and {} are related to"],
        "prompt_templates_zs": ["Who is {}'s mother? Their mother is named"],
        "samples": [{"subject": "Drake", "object": "Sandi Graham"}],
    },
}
JSON_LINES: Final[dict[str, list[dict[str, str]]]] = {
    "pararel/facts/P19.jsonl": [
        {"subject": "Allan Peiper", "object": "Alexandra"},
        {"subject": "Moe Koffman", "object": "Lyon"},
    ],
    "pararel/facts/P1412.jsonl": [{"subject": "Allan Peiper", "object": "French"}],
    "pararel/patterns/P19.jsonl": [
        {"pattern": "[X] was born in [Y]."},
        {"pattern": "[X] hails from [Y] ."},
        {"pattern": "[Y] is the cradle of [X]."},
    ],
    "pararel/patterns/P1412.jsonl": [{"pattern": "[X] speaks [Y]"}],
}
TEXT: Final = {"text/wikipedia-sentences-val.txt": [*_SENTENCES, "Too short .", f"Too long {'x' * 200}"]}


def write(folder: Path, **other: Any) -> Path:
    """Write all files below `folder` and return it; `other` takes the place of a JSON file, by its stem."""
    files = {name: json.dumps(other.get(Path(name).stem, values)) for name, values in JSON.items()}
    files |= {name: "\n".join(map(json.dumps, lines)) for name, lines in JSON_LINES.items()}
    files |= {name: "\n".join(lines) for name, lines in TEXT.items()}
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return folder
