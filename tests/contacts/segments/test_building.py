"""The builder's form says the same as the rule, there and back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.contacts.segments import building, reading, rule, words
from app.contacts.segments.names import Names
from tests.contacts.segments import world

ASKED = settings(max_examples=300, deadline=None)
NAMES = Names({key: key for key in world.TYPES}, {1: "News", 2: "Offers"}, {1: "May"}, {1: "a.csv"})


def form_of(node: building.Node) -> Iterator[tuple[str, str]]:
    if node.mode:
        yield f"{node.place}:mode", node.mode
        for part in node.parts:
            yield from form_of(part)
    for name, value in node.values.items():
        yield f"{node.place}:{name}", value


@ASKED
@given(world.rules)
def test_a_rule_survives_the_form(stored: dict[str, Any]) -> None:
    read = reading.read(stored, world.TYPES)
    if not isinstance(read, rule.Group):
        read = rule.Group("all", (read,))

    tree = building.from_json(rule.as_json(read))
    tree = building.settled(tree, world.TYPES)
    back = building.from_form(dict(form_of(tree)))

    assert reading.read(building.to_json(back, world.TYPES), world.TYPES) == read


@ASKED
@given(world.rules)
def test_every_rule_is_a_sentence(stored: dict[str, Any]) -> None:
    pieces = words.sentence(reading.read(stored, world.TYPES), NAMES)

    assert pieces[0].text.startswith("people ")
    assert all(piece.text for piece in pieces)
    assert "None" not in words.plain(pieces).replace("“None", "")


@ASKED
@given(
    st.dictionaries(
        st.one_of(
            st.text(max_size=8),
            st.builds(
                lambda place, name: f"{place}:{name}",
                st.sampled_from(("0", "0.0", "0.1", "0.1.0", "0.1.1", "0.999", "0.1.0.2", "1")),
                st.sampled_from((*building.VALUES, "mode")),
            ),
        ),
        st.one_of(
            st.sampled_from(("any", "none", "list", "opened", "added", "is", "did", "in_last")),
            st.text(max_size=5),
        ),
        max_size=12,
    ),
    st.sampled_from(("", "add 0", "add 0.1", "group 0", "remove 0", "remove 0.1", "add x", "x")),
)
def test_any_form_gives_rows_that_can_be_shown(given_form: dict[str, str], wish: str) -> None:
    tree = building.act(building.from_form(given_form), wish, world.TYPES)

    assert tree.mode
    assert tree.parts
    try:
        reading.read(building.to_json(tree, world.TYPES), world.TYPES)
    except reading.BadRule as error:
        building.mark(tree, error.place, str(error))
        assert tree.error or any(_errors(tree))


def _errors(node: building.Node) -> Iterator[str]:
    for part in node.parts:
        yield part.error
        yield from _errors(part)
