"""The phrasings are complete, and say of which relations none is a clean negative of another."""

import re
from itertools import combinations

import pytest

from memory_editor.scope.training.phrasings import Phrasings

_HOLES = re.compile(r"\{\w*\}")


def test_a_relation_is_read_with_all_that_is_said_of_it(phrasings: Phrasings) -> None:
    birth = phrasings.relations["place of birth"]
    assert (birth.name, birth.kinds, birth.pararel, birth.lre) == ("place of birth", ("person",), "P19", ())
    assert birth.is_timeless
    assert birth.forms[:2] == ("{} was born in", "The place of birth of {} is")
    assert (birth.statement, birth.denial) == ("{s} was born in {o}", "{s} was not born in {o}")
    assert birth.degrees[0] == "Where was the mother of {} born?"
    assert birth.consequences[0] == "In which country lies the town where {} was born?"
    assert birth.reverse[0] == "Who is a famous person born in {o}?"
    assert not phrasings.relations["spouse"].is_timeless
    assert phrasings.relations["mother"].lre == ("person_mother",)


def test_every_relation_can_be_asked_stated_and_answered(phrasings: Phrasings) -> None:
    for relation in phrasings.relations.values():
        for texts in (relation.forms, relation.degrees, relation.consequences):
            assert texts
            assert all(_HOLES.findall(text) == ["{}"] for text in texts), relation.name
        assert all(set(_HOLES.findall(text)) == {"{s}", "{o}"} for text in (relation.statement, relation.denial))
        assert all(_HOLES.findall(text) == ["{o}"] for text in relation.reverse)
        assert relation.objects
        assert all(phrasings.subjects[kind] for kind in relation.kinds)


def test_wrappers_have_only_holes_that_are_filled(phrasings: Phrasings) -> None:
    known = {"{q}", "{s}", "{statement}", "{not_statement}"}
    assert all(known.issuperset(_HOLES.findall(wrapper)) for wrapper in (*phrasings.same, *phrasings.other))
    assert phrasings.of_time <= set(phrasings.other)
    assert set(phrasings.same).isdisjoint(phrasings.other)


def test_closeness_holds_both_ways_and_of_each_relation_to_itself(phrasings: Phrasings) -> None:
    relations = phrasings.relations
    assert all(name in relation.close for name, relation in relations.items())
    for one, other in combinations(relations, 2):
        assert (one in relations[other].close) == (other in relations[one].close)


def test_rivals_are_of_the_kind_among_those_asked_for_and_never_close(phrasings: Phrasings) -> None:
    for relation in phrasings.relations.values():
        among = sorted(phrasings.relations)[::2]
        for kind in (None, *relation.kinds):
            rivals = phrasings.rivals(relation, kind, among)
            assert set(rivals) <= set(among) - relation.close
            assert all({kind} & {None, *phrasings.relations[name].kinds} for name in rivals)


def test_what_asks_for_a_close_relation_is_no_rival(phrasings: Phrasings) -> None:
    birth = phrasings.relations["place of birth"]
    rivals = phrasings.rivals(birth, "person", phrasings.relations)
    assert "spouse" in rivals
    assert {"origin", "place of birth", "capital"}.isdisjoint(rivals)


@pytest.mark.parametrize("kind", ["person", None])
def test_every_rival_can_be_asked_for_alone(phrasings: Phrasings, kind: str | None) -> None:
    for relation in phrasings.relations.values():
        for name in phrasings.rivals(relation, kind, phrasings.relations):
            forms = phrasings.relations[name].forms
            assert any(relation.name not in phrasings.ambiguous.get(form, ()) for form in forms)


def test_the_nearest_relations_share_most_words(phrasings: Phrasings) -> None:
    birth = phrasings.relations["place of birth"]
    assert phrasings.nearest(birth, ["currency", "place of death", "capital"], 1) == ["place of death"]
    everything = phrasings.nearest(birth, phrasings.relations, 500)
    assert everything[0] == "place of birth"
    assert sorted(everything) == sorted(phrasings.relations)
