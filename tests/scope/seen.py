"""Candidates as they are seen in tests, without a memory or an encoder."""

from memory_editor.edits import Edit
from memory_editor.scope.candidates import Candidate
from memory_editor.scope.mention import find_mention

TWITTER = Edit("The CEO of Twitter is", "Linda Yaccarino", subject="Twitter")
ADA = Edit("The mother tongue of Ada Lovelace is", "French", subject="Ada Lovelace")
STATEMENT = Edit("Fox made Soul Food.", subject="Soul Food")
PLAIN = Edit("it is red", "yes")


def seen(
    prompt: str,
    edit: Edit = TWITTER,
    similarity: float = 0.7,
    *,
    exclusion: float = -1.0,
    is_exact: bool = False,
) -> Candidate:
    """Return `edit` as a candidate of `prompt`, the fact in the edit's own wording."""
    mention = find_mention(prompt, edit.subject)
    return Candidate(
        edit=edit,
        is_exact=is_exact,
        mention=mention,
        masked_fact=find_mention(edit.fact, edit.subject).masked if mention.share >= 0.3 else edit.fact,
        similarity=similarity,
        exclusion_similarity=exclusion,
    )
