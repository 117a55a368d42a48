"""A folder in the form of the published data sets, with a few records that show every rule."""

import json
from pathlib import Path
from typing import Any

ADA, PERU, BLANC = "The mother tongue of Ada Lovelace is", "The capital of Peru is", "Mont Blanc lies in"


def counterfact(prompt: str, subject: str, targets: str, rephrase: str, locality: str) -> dict[str, str]:
    """Return a flat record; `targets` and `locality` hold a new, and a prompt's true answer, behind a slash."""
    target_new, ground_truth = targets.split("/")
    locality_prompt, locality_ground_truth = locality.split("/")
    return {
        "prompt": prompt,
        "subject": subject,
        "target_new": target_new,
        "ground_truth": ground_truth,
        "rephrase_prompt": rephrase,
        "locality_prompt": locality_prompt,
        "locality_ground_truth": locality_ground_truth,
    }


def knowedit(prompt: str, subject: str, targets: str, **asked: Any) -> dict[str, Any]:
    """Return a record of KnowEdit; `asked` are its `locality`, `portability` and `rephrase_prompt`."""
    target_new, ground_truth = targets.split("/")
    fields = {"prompt": prompt, "subject": subject, "target_new": target_new, "ground_truth": [ground_truth]}
    return {**fields, "locality": {}, "portability": {}, **asked}


FILES: dict[str, list[dict[str, Any]]] = {
    # The third supersedes the second; a locality prompt of each of the others is covered by an edit.
    "counterfact/edit_dev.json": [
        counterfact(
            ADA, "Ada Lovelace", "French/English", "Ada Lovelace spoke", "Alan Turing's mother tongue is/English"
        ),
        counterfact(PERU, "Peru", "Quito/Lima", "Peru is governed from", "Chile is governed from/Santiago"),
        counterfact(PERU, "Peru", "Cusco/Lima", "Peru's capital city is", "Chile's capital city is/Santiago"),
        counterfact(
            BLANC, "Mont Blanc", "Spain/France", "To climb Mont Blanc, go to", "in PERU, Parliament sits in/ lima."
        ),
    ],
    "counterfact/train.json": [
        counterfact(ADA, "Ada Lovelace", "Dutch/English", "Ada thought in", "Bach's mother tongue is/German"),
        counterfact("Alan Turing spoke", "Alan Turing", "Greek/English", "Alan said it in", "Gauss spoke/German"),
    ],
    "counterfact_hard/dev.json": [
        {
            "edit_statement": "Ada Lovelace's mother tongue is French.",
            "subject_name": "Ada Lovelace",
            "edit_scope": [
                ["What did Ada Lovelace speak?", "French"],
                ["Which language was Ada Lovelace's?", "French"],
            ],
            "unrelated": {
                "neighbor_subj": ["What did Alan Turing speak?"],
                "same_subj": ["Where was Ada Lovelace born?"],
            },
        },
        {
            "edit_statement": "Mont Blanc lies in Spain.",
            "subject_name": "Mont Blanc",
            "edit_scope": [],
            "unrelated": {"neighbor_subj": ["Where does Mount Fuji lie?"], "same_subj": []},
        },
    ],
    "zsre/train.json": [
        {
            "src": "Who made Unix?",
            "subject": "Unix",
            "alt": "IBM",
            "answers": ["AT&T"],
            "rephrase": "Unix is whose?",
            "loc": "who sang yesterday",
            "loc_ans": "the Beatles",
        },
        {
            "src": "Who made Lisp?",
            "subject": "Lisp",
            "alt": "",
            "answers": ["McCarthy"],
            "rephrase": "Lisp is whose?",
            "loc": "who owned unix in 1970",
            "loc_ans": "at&t",
        },
    ],
    "knowedit/zsre_dev.json": [
        knowedit(
            "Who is the father of Ada Lovelace?",
            "Ada Lovelace",
            "Babbage/Byron",
            rephrase_prompt="Whose daughter is Ada Lovelace?",
            locality={
                "Relation_Specificity": [
                    {"prompt": "Ada Lovelace father", "ground_truth": ["Byron"]},
                    {"prompt": "Ada Lovelace occupation", "ground_truth": ["mathematician"]},
                ]
            },
            portability={
                "Reasoning": [{"prompt": "What did Ada Lovelace's father build?", "ground_truth": "an engine"}]
            },
        )
    ],
    "knowedit/wiki_recent_dev.json": [
        knowedit(
            "The gender of Ada is",
            "Ada",
            "female/",
            locality={
                "Relation_Specificity": [{"prompt": "The birthplace of Ada is", "ground_truth": [["London"], []]}],
                "Forgetfulness": [{"prompt": "The gender of Ada, which is not female, is", "ground_truth": [["male"]]}],
            },
            portability={
                "Reasoning": [],
                "Logical_Generalization": [{"prompt": "Ada is a", "ground_truth": [["woman"]]}],
            },
        )
    ],
    "knowedit/wiki_counterfact_dev.json": [
        knowedit(
            "The pet of Ada is",
            "Ada",
            "Puff/Spot",
            locality={"Forgetfulness": [{"prompt": "The pet of Ada, which is not Puff, is", "ground_truth": "Spot"}]},
            portability={"Subject_Aliasing": [{"prompt": "The pet of A. A. L. is", "ground_truth": "Puff"}]},
        )
    ],
    "fever/edits_dev.json": [
        {
            "edit_statement": "Fox made Soul Food.",
            "edit_scope": [["Fox made Soul Food.", "yes"], ["Soul Food is Fox's.", "yes"]],
        },
    ],
    "fever/out_of_scope_dev.json": [
        {"edit_statement": "Oslo is cold.", "edit_scope": [["Oslo is cold.", "yes"], ["It is cold in Oslo.", "yes"]]},
    ],
    "questions/webquestions.json": [{"question": "what is the capital of peru?", "answers": ["Lima", "Callao"]}],
    "questions/nq_open.json": [{"question": "who wrote hamlet", "answer": ["Shakespeare"]}],
    "questions/squad2.json": [{"question": "What is a genus?", "answer": "a rank"}],
}


def write(folder: Path, files: dict[str, list[dict[str, Any]]] = FILES) -> Path:
    """Write the files below `folder` and return it."""
    for name, records in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(records), encoding="utf-8")
    return folder
