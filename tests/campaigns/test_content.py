"""From an owner's words to the sources of a mail."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import html as lxml_html

from app.campaigns import content, layout, links, liquid
from app.campaigns.footers import LANGUAGES, reason
from app.campaigns.models import Campaign
from app.contacts.models import ContactList
from app.core.db import transaction
from app.core.languages import NAMES
from tests.campaigns.conftest import add_list
from tests.conftest import Person

Draft = Callable[..., Campaign]
GOLDEN = Path(__file__).parent / "golden"
SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "data" / "html"

MARKDOWN = """# Hello {{ contact.first_name | default: "there" }}

{% if contact.company %}

For *{{ contact.company }}* and its first_name and last_name.

{% endif %}

[Order](https://bakery.example/?e={{ contact.email }}&x=1), ![a loaf](https://bakery.example/l.png)

* rolls
* <b>bread</b> [bad](javascript:alert(1))
"""
HTML = """<!doctype html>
<html lang="de"><head><title>{{ account.name }}</title>
<style>p{color:#123456} a:hover{color:red}
@media (max-width:400px){p{font-size:20px}}</style></head>
<body class="x"><!--[if mso]><p>{{ contact.email }}</p><![endif]-->
<table>{% if contact.company %}
<tr><td><p>{{ contact.company | default: "x" }}</p></td></tr>{% endif %}
<tr><td><a href="https://bakery.example/{{ contact.fields.page }}">Go</a></td></tr>
</table></body></html>
"""
MJML = """<mjml lang="en"><mj-body>{% if contact.company %}<mj-section><mj-column>
<mj-text>Hi {{ contact.first_name | default: "you" }}</mj-text>
<mj-button href="https://bakery.example/?e={{ contact.email }}">Go</mj-button>
</mj-column></mj-section>{% endif %}</mj-body></mjml>
"""


@pytest.mark.parametrize(("kind", "body"), [("markdown", MARKDOWN), ("html", HTML), ("mjml", MJML)])
def test_compiled_mails_are_as_they_were(draft: Draft, kind: str, body: str) -> None:
    """LEADERSEND_GOLDEN=write writes the files anew."""
    campaign = draft(format=kind, body=body, subject="Bread & {{ contact.first_name }}")

    made = content.compile(campaign)

    whole = "\n=====\n".join((made.subject, made.preheader, made.html, made.text))
    path = GOLDEN / f"{kind}.txt"
    if os.environ.get("LEADERSEND_GOLDEN") == "write":
        path.write_text(whole)
    assert whole == path.read_text()


@pytest.mark.parametrize(
    ("kind", "body"),
    [("markdown", MARKDOWN), ("html", HTML), ("mjml", MJML), ("html", "Just text")],
)
def test_the_footer_stands_in_both_parts(draft: Draft, kind: str, body: str) -> None:
    made = content.compile(draft(format=kind, body=body))

    for part in (made.html, made.text):
        for tag in ("account.name", "account.address", "links.unsubscribe", "links.preferences",
                    "links.browser"):  # fmt: skip
            assert f"{{{{ {tag} }}}}" in part
        assert "You get this because you signed up to “Newsletter”" in part
    assert links.inspect(made.html).footer_visible


def test_plain_text_alone_is_a_mail_too(draft: Draft) -> None:
    hello = 'Hi {{ contact.first_name | default: "you" }}'
    words = f"{hello} & all,\nsee https://bakery.example/?a=1&b=2."
    made = content.compile(draft(body="", text_body=words))

    assert made.text.startswith(words)
    assert f"{hello} &amp; all,<br>" in made.html
    target = "https://bakery.example/?a=1&amp;b=2"
    assert f'href="{target}"' in made.html
    assert f">{target}</a>.</p>" in made.html
    assert links.inspect(made.html).footer_visible


def test_compiling_twice_gives_the_same(draft: Draft) -> None:
    campaign = draft(body=MARKDOWN)

    assert content.compile(campaign) == content.compile(campaign)


def test_html_without_styles_is_left_as_it_is(draft: Draft) -> None:
    body = "<html><BODY  bgcolor=red><p>A&nbsp;&lt; b<br>{{ contact.email }}</p></BODY></html>"

    made = content.compile(draft(format="html", body=body, preheader=""))

    before, after = body.split("</BODY>")
    assert made.html.startswith(before)
    assert made.html.endswith("</BODY>" + after)


def test_styles_reach_the_elements_and_media_queries_stay(draft: Draft) -> None:
    made = content.compile(draft(format="html", body=HTML))

    assert 'style="color: #123456;' in made.html
    assert "@media (max-width:400px)" in made.html
    assert "a:hover" in made.html
    assert "<!--[if mso]><p>{{ contact.email }}</p><![endif]-->" in made.html


def test_liquid_between_rows_stays_between_rows(draft: Draft) -> None:
    made = content.compile(draft(format="html", body=HTML))
    shown = liquid.parse(made.html).render({"contact": {"company": "Mill"}})
    hidden = liquid.parse(made.html).render({})

    assert len(lxml_html.fromstring(shown).findall(".//table//tr")) == 2
    assert len(lxml_html.fromstring(hidden).findall(".//table//tr")) == 1


def test_editors_may_write_quotes_as_entities(draft: Draft) -> None:
    body = "<p>{{ contact.first_name | default: &quot;you&quot; }}</p>"

    made = content.compile(draft(format="html", body=body))

    assert "<p>you</p>" in liquid.parse(made.html).render({})


def test_names_of_lists_are_no_merge_tags(draft: Draft, alice: Person) -> None:
    tricky = add_list(alice.account, "{{ contact.email }} & <b>{% raw %}")

    made = content.compile(draft(lists=[tricky.id]))

    values = {"contact": {"email": "a@people.example"}}
    assert "“{{ contact.email }} & <b>{% raw %}”" in liquid.parse(made.text, "text").render(values)
    assert "“{{ contact.email }} &amp; &lt;b&gt;{% raw %}”" in liquid.parse(made.html).render(
        values
    )


def test_the_owners_own_text_part_is_kept(draft: Draft) -> None:
    made = content.compile(draft(text_body="Dear {{ contact.first_name }}"))

    assert made.text.startswith("Dear {{ contact.first_name }}\n\n-- \n")


@pytest.mark.parametrize(
    "ending", ["<!-- more", "<style>p{", "<textarea>", "<a href='x", "<!--[if mso]><p>x"]
)
def test_html_that_swallows_the_footer_is_refused(draft: Draft, ending: str) -> None:
    with pytest.raises(content.BadBody, match="never closed"):
        content.compile(draft(format="html", body=f"<html><body><p>x</p>{ending}"))


@pytest.mark.parametrize(
    "body",
    ["{% if contact.nobody %}</body></html>{% endif %}", "{% comment %}</body>{% endcomment %}",
     "<!-- </body> -->", "<html><body>x</body></html>{% if contact.nobody %}y{% endif %}",
     "<!--[if mso]></body><![endif]-->"],
)  # fmt: skip
def test_logic_around_the_end_does_not_remove_the_footer(draft: Draft, body: str) -> None:
    made = content.compile(draft(format="html", body=f"<p>x</p>{body}"))

    shown = liquid.parse(made.html).render({"links": {"unsubscribe": "https://x.example/u"}})
    assert links.inspect(shown).footer_visible
    assert "https://x.example/u" in shown


@pytest.mark.parametrize(
    "style", ["display:none", "DISPLAY : none", "visibility:hidden", "opacity:0", "font-size:0",
              "max-height:0px;overflow:hidden"],
)  # fmt: skip
def test_a_hidden_footer_is_noticed(draft: Draft, style: str) -> None:
    made = content.compile(draft(format="html", body=f'<html><body><div style="{style}">x'))

    assert not links.inspect(made.html).footer_visible


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("hello", "no <mjml>"),
        ("<mjml><mj-body><mj-foo/></mj-body></mjml>", "no <mj-foo>"),
        ("<mjml>\n<mj-body><mj-text>\n</mj-body></mjml>", "Line 3: </mj-body> comes before"),
        ("<mjml><mj-body>", "never closed"),
        ("<mjml><mj-body><mj-include path='/etc/passwd'/></mj-body></mjml>", "cannot fetch"),
        ("<mjml><mj-body><p foo=a></mj-body></mjml>", "cannot be read"),
    ],
)
def test_a_mistake_in_mjml_is_told(draft: Draft, source: str, word: str) -> None:
    with pytest.raises(content.Invalid, match=word):
        content.compile(draft(format="mjml", body=source))


def test_nothing_is_fetched_from_elsewhere(draft: Draft) -> None:
    made = content.compile(draft(body=MARKDOWN))

    assert "fonts.googleapis" not in made.html
    assert "<link" not in made.html


def sample_facts() -> list[dict[str, str]]:
    if not (SAMPLES / "facts.csv").exists():
        return []
    return list(csv.DictReader((SAMPLES / "facts.csv").read_text().splitlines()))


@pytest.fixture
def samples() -> Path:
    if not SAMPLES.exists():
        pytest.skip("The sample mails are not there: ../shared/data/html")
    return SAMPLES


@pytest.mark.parametrize("facts", sample_facts(), ids=lambda facts: facts["file"])
def test_mails_of_other_systems_compile(draft: Draft, samples: Path, facts: dict[str, str]) -> None:
    body = (samples / facts["file"]).read_text()
    campaign = draft(format="html", body=body)

    made = content.compile(campaign)

    seen = links.inspect(made.html)
    assert len(seen.links) == int(facts["a_href"])
    assert seen.images == int(facts["img"])
    assert seen.without_alt == int(facts["img_no_alt"])
    assert made.html.count("<!--[if") == int(facts["cond_comments"])
    assert seen.footer_visible
    assert bool(liquid.variables(body)) == bool(int(facts["merge_tags"]))


def test_several_lists_are_named(draft: Draft, newsletter: ContactList, alice: Person) -> None:
    offers = add_list(alice.account, "Offers")

    made = content.compile(draft(lists=[newsletter.id, offers.id]))

    assert "“Newsletter” or “Offers”" in made.text


def test_the_reason_is_given_without_a_list_too() -> None:
    assert (
        layout.reason([], language="en")
        == "You get this because you signed up at {{ account.name }}."
    )


def test_every_language_of_footers_says_everything() -> None:
    assert LANGUAGES.keys() == NAMES.keys()
    assert all(words.keys() == LANGUAGES["en"].keys() for words in LANGUAGES.values())


@pytest.mark.parametrize("language", NAMES)
def test_the_end_of_a_mail_is_in_the_language_of_the_accounts_mails(
    draft: Draft, alice: Person, language: str
) -> None:
    with transaction():
        alice.account.mail_language = language
    words = LANGUAGES[language]

    made, copy = content.compile(draft()), content.compile_for_all(draft())

    for part in (made.html, made.text):
        assert all(words[name] in part for name in ("unsubscribe", "preferences", "browser", "why"))
        assert words["quoted"].replace("{}", "Newsletter") in part
        assert "{lists}" not in part
        assert "{account}" not in part
    assert f'<html lang="{language}"' in made.html
    assert words["signup"] in copy.html
    assert words["signup"] in copy.text


def test_a_list_may_be_named_like_a_place_to_fill_in() -> None:
    said = reason("de", "{lists} GmbH", ["{account}", "B"])

    assert said == (
        "Sie bekommen diese Mail, weil Sie sich bei {lists} GmbH für „{account}“ oder „B“ "
        "angemeldet haben."
    )
