"""Merge tags: what they may do, what they may not, and how values are made harmless."""

from __future__ import annotations

import time

import pytest

from app.campaigns import liquid

VALUES = {
    "contact": {
        "email": "a+b@people.example",
        "first_name": "<b>Ann\"a'",
        "company": "{{ secret }}",
        "last_name": "",
        "fields": {"site": "javascript:alert(1)", "page": "https://a.example/x?a=1&b=2", "n": 3.0},
    },
    "account": {"name": "Bakery", "address": "1 High Street\n12345 Town"},
    "links": {"unsubscribe": "https://mail.example/u/abc"},
}


def fill(source: str, escape_for: str = "html") -> str:
    return liquid.parse(source, escape_for).render(VALUES)


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("Hi {{ contact.nobody | default: 'you' }}", "Hi you"),
        ("{{ contact.last_name | default: 'friend' | upcase }}", "FRIEND"),
        ("{{ contact.fields.n }}", "3"),
        ("{{ contact.fields.N }}", "3"),
        ("{{ contact.fields['N'] | append: '!' }}", "3!"),
        ('{% if contact.fields["n"] == 3 %}yes{% endif %}', "yes"),
        ("{{ 'a-b' | replace: '-', '+' | append: '!' }}", "a+b!"),
        ("{{ 'one two three' | truncatewords: 2 }}", "one two…"),
        ("{{ '2026-05-03' | date: '%d.%m.%Y' }}", "03.05.2026"),
        ("{{ 'soon' | date: '%d.%m.%Y' }}", "soon"),
        ("{% if contact.company %}yes{% else %}no{% endif %}", "yes"),
        ("{% for i in (1..3) %}{{ i }}{% endfor %}", "123"),
        ("{{ contact }}", ""),
    ],
)
def test_a_merge_tag_shows(source: str, shown: str) -> None:
    assert fill(source) == shown


def test_values_are_data_and_never_merge_tags() -> None:
    assert fill("{{ contact.company }}") == "{{ secret }}"


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("<p>{{ contact.first_name }}</p>", "<p>&lt;b&gt;Ann&quot;a&#x27;</p>"),
        ('<a href="{{ contact.fields.site }}">', '<a href="">'),
        ('<a href="{{ contact.fields.page }}">', '<a href="https://a.example/x?a=1&amp;b=2">'),
        (
            '<a href="https://x/?e={{ contact.email }}">',
            '<a href="https://x/?e=a%2Bb@people.example">',
        ),
        (
            '<a href="https://x/?e={{ contact.email | url_encode }}">',
            '<a href="https://x/?e=a%2Bb%40people.example">',
        ),
        ("<i title={{ contact.first_name }}>", "<i title=&lt;b&gt;Ann&quot;a&#x27;>"),
        ("<p style='color:{{ contact.first_name }}'>", "<p style='color:bAnna'>"),
        ("<{{ contact.first_name }}>", "<&lt;b&gt;Ann&quot;a&#x27;>"),
        ("<!-- {{ '--><b>' }} -->", "<!-- - -&gt;&lt;b&gt; -->"),
        (
            "<!--[if mso]><a href='{{ contact.fields.site }}'>{{ contact.company }}<![endif]-->",
            "<!--[if mso]><a href=''>{{ secret }}<![endif]-->",
        ),
    ],
)
def test_a_value_is_escaped_for_its_place(source: str, shown: str) -> None:
    assert fill(source) == shown


def test_a_subject_stays_one_line_without_encoded_words() -> None:
    source = "{{ '=?utf-8?q?a=0D=0ABcc:_v@example.org?=' }}{{ account.address }}"

    shown = fill(source, "header")

    assert "\n" not in shown
    assert "=?" not in shown


@pytest.mark.parametrize(
    ("source", "line", "word"),
    [
        ("a\nb {{ contact.first_name", 2, "never closed"),
        ("a\n\n{{ contact.email | shout }}", 3, "no filter “shout”"),
        ("{% if contact.email %}\nx", 1, "never closed"),
        ("x {% endif %}", 1, "stands alone"),
        ("{% include 'secrets' %}", 1, "there is no “{% include %}”"),
        ("{% render 'secrets' %}", 1, "there is no"),
        ("{% import os %}", 1, "there is no"),
        ("{{ 7*7 }}", 1, "no merge tag"),
        ("{{ ''.__class__.__mro__ }}", 1, "no merge tag"),
        ("{{ contact.email | default }}", 1, "wrong arguments"),
        ("{{ contact.email | truncate: 1, 2, 3 }}", 1, "wrong arguments"),
    ],
)
def test_a_mistake_is_told_with_its_line(source: str, line: int, word: str) -> None:
    with pytest.raises(liquid.BadLiquid, match=word) as caught:
        liquid.parse(source)

    assert caught.value.line == line


@pytest.mark.parametrize(
    "source",
    ["{{ config }}", "{{ cycler.__init__.__globals__ }}", "{{ contact.email.__class__ }}",
     "{{ contact.fields.items }}", "{{ contact.keys }}"],
)  # fmt: skip
def test_nothing_of_python_can_be_reached(source: str) -> None:
    assert fill(source) == ""


@pytest.mark.parametrize(
    "source",
    [
        "{% for i in (1..1000000000) %}x{% endfor %}",
        "{% for i in (1..9999) %}{{ 'x' | append: '" + "y" * 1000 + "' }}{% endfor %}",
        "{% assign x = 'aaaa' %}{% for i in (1..50) %}{% assign x = x | append: x %}{% endfor %}",
        "{% assign x = 'aaaaaaaaaa' %}"
        + "{% assign x = x | replace: 'a', x %}" * 9,
        "{% for i in (1..200) %}{% for j in (1..200) %}x{% endfor %}{% endfor %}",
    ],
)  # fmt: skip
def test_a_bomb_is_put_out_in_less_than_a_second(source: str) -> None:
    began = time.perf_counter()

    with pytest.raises(liquid.RenderFailed):
        fill(source)

    assert time.perf_counter() - began < 1


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(liquid.BadLiquid):
        liquid.parse("{% if contact.email %}" * 5000)
    with pytest.raises(liquid.BadLiquid):
        liquid.parse("{% if contact.email %}" * 100 + "x" + "{% endif %}" * 100)


@pytest.mark.parametrize("escape_for", ["html", "text", "header"])
def test_simple_parts_say_the_same_as_the_template(escape_for: str) -> None:
    source = (
        "<a href='{{ links.unsubscribe }}'>{{ contact.first_name | default: 'x' }}</a>"
        "{{ contact.last_name | default: 'you' | capitalize }} {% raw %}{{ x }}{% endraw %}"
        "<a href='https://x.example/?e={{ contact.email }}'>{{ contact.fields.n }}</a>"
    )

    parts = liquid.simple_parts(source, escape_for)

    assert parts is not None
    joined = "".join(part if isinstance(part, str) else part.evaluate(VALUES) for part in parts)
    assert joined == fill(source, escape_for)


@pytest.mark.parametrize(
    "source", ["{% if contact.email %}x{% endif %}", "{{ contact.email.size }}",
               "{{ contact[account.name] }}", "{{ 'a' | append: contact.email }}"],
)  # fmt: skip
def test_what_needs_a_run_has_no_simple_parts(source: str) -> None:
    assert liquid.simple_parts(source) is None


def test_addresses_by_themselves_are_not_escaped_for_html() -> None:
    parts = liquid.simple_parts("https://x.example/?a=1&e={{ contact.email }}", "url")

    assert parts is not None
    output = parts[1]
    assert isinstance(output, liquid.Output)
    assert output.evaluate(VALUES) == "a%2Bb@people.example"
    assert liquid.parse("{{ contact.fields.page }}", "url").render(VALUES).endswith("?a=1&b=2")


@pytest.mark.parametrize(
    ("source", "filled"),
    [
        ("{{ contact.fields.seats[1].who }}", "x&amp;y"),
        ("{{ contact.fields.seats.first.who }}", "Ann"),
        ("{% for one in contact.fields.seats %}{{ one.row }}{% endfor %}", "12"),
        ("{{ contact.fields.seats.size }}{{ contact.fields.seats.who }}", "2"),
    ],
)
def test_data_of_any_shape_is_filled_in_and_escaped(source: str, filled: str) -> None:
    seats = [{"row": 1, "who": "Ann"}, {"row": 2, "who": "x&y"}]
    values = {"contact": {"fields": {"seats": seats}}}

    assert liquid.parse(source).render(values) == filled
    assert liquid.simple_parts(source) is None


def test_merge_tags_are_listed_with_their_fallbacks() -> None:
    source = (
        "{{ contact.first_name | default: 'you' }} {{ contact.last_name }}"
        "{% if contact.company %}{{ contact.company }}{% endif %}"
        "{% assign x = contact.fields.n %}{{ x }}{% for i in (1..2) %}{{ i }}{% endfor %}"
    )

    assert liquid.merge_tags(source) == {
        "contact.first_name": True,
        "contact.last_name": False,
        "contact.company": True,
        "contact.fields.n": True,
    }
    assert liquid.variables(source) == set(liquid.merge_tags(source))


def test_text_of_ours_stays_as_it_is() -> None:
    assert fill(liquid.literal("{{ x }} {% y %}"), "text") == "{{ x }} {% y %}"
