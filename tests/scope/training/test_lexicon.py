"""The phrasings and the published patterns and facts of a relation are joined under the relation's name."""

from random import Random

from memory_editor.scope.training.lexicon import Lexicon
from memory_editor.scope.training.phrasings import Phrasings


def test_forms_are_those_of_all_sources_without_repetition(lexicon: Lexicon, phrasings: Phrasings) -> None:
    birth, mother = phrasings.relations["place of birth"], phrasings.relations["mother"]
    assert lexicon.forms["place of birth"] == (*birth.forms, "{} hails from")
    assert set(lexicon.forms["mother"]) == {
        *mother.forms,
        "{}'s mother is named",
        "Who is {}'s mother? Their mother is named",
    }
    assert all(len(set(forms)) == len(forms) for forms in lexicon.forms.values())
    assert all("[Y]" not in form for forms in lexicon.forms.values() for form in forms)


def test_facts_patterns_and_objects_go_by_the_relation(lexicon: Lexicon, phrasings: Phrasings) -> None:
    assert lexicon.facts["place of birth"] == (("Allan Peiper", "Alexandra"), ("Moe Koffman", "Lyon"))
    assert lexicon.facts["mother"] == (("Drake", "Sandi Graham"),)
    assert lexicon.facts["spouse"] == ()
    assert lexicon.patterns["place of birth"][1] == "{} hails from [Y] ."
    objects = phrasings.relations["place of birth"].objects
    assert lexicon.objects["place of birth"] == (*objects, "Alexandra", "Lyon")
    assert set(lexicon.forms) == set(lexicon.facts) == set(lexicon.objects) == set(phrasings.relations)


def test_names_are_all_subjects_once(lexicon: Lexicon, phrasings: Phrasings) -> None:
    assert lexicon.names.count("Allan Peiper") == 1
    assert set(lexicon.names) == {"Allan Peiper", "Moe Koffman", "Drake"} | {
        name for names in phrasings.subjects.values() for name in names
    }


def test_a_related_subject_shares_a_word_where_one_does(lexicon: Lexicon) -> None:
    related = {lexicon.related("Bob Marley", Random(seed)) for seed in range(50)}
    assert "Bob Marley" not in related
    assert {lexicon.related("Xyzzy", Random(seed)) for seed in range(50)} <= set(lexicon.names)
    martin = {lexicon.related("Martin Gardner", Random(seed)) for seed in range(50)}
    assert "Martin Luther King Jr." in martin
    assert all({"martin", "gardner"} & set(name.lower().split()) for name in martin)


def test_a_template_asks_for_the_relations_that_have_its_form(lexicon: Lexicon) -> None:
    both = lexicon.phrasings.ambiguous["{} was born in"]
    assert both == {"place of birth", "date of birth"}
    assert lexicon.relations_of("{} WAS born in", ["French"]) >= {"place of birth"}
    assert lexicon.relations_of("{} speaks", []) == {
        name for name, forms in lexicon.forms.items() if "{} speaks" in forms
    }


def test_another_template_asks_for_the_relation_with_most_of_its_answers(lexicon: Lexicon) -> None:
    assert lexicon.relations_of("the cradle of {} stood in", ["Lyon", "Alexandra", "French"]) == {"place of birth"}
    assert lexicon.relations_of("the cradle of {} stood in", ["Oslo"]) == frozenset()
