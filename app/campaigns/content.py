"""From what an owner wrote to Liquid sources of subject, preheader, HTML part and text part.

Pure: the same campaign gives the same content. Delivery fills in the merge tags per recipient.
Every part ends with the footer; it stands outside all Liquid blocks, comments and tags of the
owner, so that nothing that an owner writes takes it away.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

import css_inline
from inscriptis import get_text
from inscriptis.model.config import ParserConfig
from markdown_it import MarkdownIt

from app.campaigns import layout, liquid, mjml_source, queries
from app.campaigns.models import Campaign
from app.campaigns.places import scan
from app.campaigns.protecting import Protected, plain_liquid, through
from app.core.errors import Invalid

_OPENING = re.compile(r"\{%-?\s*(if|unless|case|for|comment|raw)\b")
_CLOSING = re.compile(r"\{%-?\s*end(if|unless|case|for|comment|raw)\b")
_TAGS = re.compile(r"\{%.*?%\}", re.DOTALL)
_ADDRESS = re.compile(r"\bhttps?://[^\s<>\"]*[^\s<>\".,;:!?)\]']")
_LINK = re.compile(r"\[([^\[\]]*)\]\(([^()\s]*(?:\([^()\s]*\)[^()\s]*)*)\)")


class BadBody(Invalid):
    """HTML that swallows what comes after it, such as a comment that never ends."""


@dataclass(frozen=True)
class Content:
    """Liquid sources: subject and preheader one line, html and text whole parts."""

    subject: str
    preheader: str
    html: str
    text: str


def compile(campaign: Campaign) -> Content:
    """Raises BadLiquid, BadMjml or BadBody, all of them Invalid with what to do."""
    lists, language = list_names(campaign), campaign.account.mail_language
    return _compiled(
        campaign, layout.footer_html(lists, language=language),
        layout.footer_text(lists, language=language), preheader=campaign.preheader,
    )  # fmt: skip


def compile_for_all(campaign: Campaign) -> Content:
    """The same for everybody's eyes: its footer speaks to nobody and takes nobody off a list.

    What mailboxes show beside the subject, and hide in the mail, is left out.
    """
    language = campaign.account.mail_language
    return _compiled(
        campaign, layout.public_footer_html(language=language),
        layout.public_footer_text(language=language), preheader="",
    )  # fmt: skip


def _compiled(campaign: Campaign, footer_html: str, footer_text: str, *, preheader: str) -> Content:
    for source, kind in ((campaign.subject, "header"), (campaign.preheader, "header")):
        liquid.parse(source, kind)
    body = body_html(campaign)
    html = _with_footer(_with_preheader(body, preheader), footer_html)
    liquid.parse(html)
    text = own_text(campaign) or _text_of(campaign, body)
    text = f"{text.rstrip()}\n\n{footer_text}".lstrip("\n")
    liquid.parse(text, "text")
    return Content(campaign.subject, campaign.preheader, html, text)


def body_html(campaign: Campaign) -> str:
    """A whole HTML document without preheader and footer; of the plain text where that is all."""
    language = campaign.account.mail_language
    if not campaign.body.strip():
        words = text_html(own_text(campaign))
        return layout.page(words, title=campaign.subject, language=language)
    body = campaign.body if campaign.format == "markdown" else plain_liquid(campaign.body)
    # Said first, and with the lines of what the owner wrote.
    liquid.parse(body)
    if campaign.format == "markdown":
        words = markdown_html(body)
        return layout.page(words, title=campaign.subject, language=language)
    if campaign.format == "mjml":
        return through(body, mjml_source.to_html, comments=True)
    return _own_html(body, language)


def markdown_html(source: str) -> str:
    """HTML of Markdown; raw HTML in it is shown as text."""
    protected = Protected(source)
    made = _markdown.render(protected.source)
    return protected.restore(protected.lonely().sub(r"\1", made))


def text_html(source: str) -> str:
    """HTML that shows plain text as it is, with its addresses as links."""

    def made(text: str) -> str:
        paragraphs = re.split(r"\n(?:[ \t]*\n)+", escape(text.strip(), quote=False))
        linked = [_ADDRESS.sub(r'<a href="\g<0>">\g<0></a>', words) for words in paragraphs]
        return "\n".join(f"<p>{words}</p>".replace("\n", "<br>\n") for words in linked)

    return through(source.replace("\r\n", "\n"), made)


def own_text(campaign: Campaign) -> str:
    """The owner's plain-text part, or nothing."""
    source = campaign.text_body.strip()
    liquid.parse(source, "text")
    return source


def to_text(html: str) -> str:
    """A readable plain-text version, with the addresses of links and the alts of images."""

    def read(source: str) -> str:
        # What stands behind </body> is shown by browsers, but not by this parser.
        whole = re.sub(r"</(?:body|html)\s*>", "", source, flags=re.IGNORECASE)
        return _LINK.sub(_written_link, get_text(whole, _READABLE))

    lines = [line.rstrip() for line in through(html, read).splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


def list_names(campaign: Campaign) -> list[str]:
    """The lists that a campaign goes to, for the reason in the footer."""
    ids = [row.list_id for row in campaign.audience if row.list_id and not row.excluded]
    return [row.name for row in queries.owned_lists(campaign.account_id, ids)] if ids else []


def _text_of(campaign: Campaign, html: str) -> str:
    if campaign.format == "markdown":
        return to_text(markdown_html(campaign.body))
    text = _unindented(to_text(html))
    try:
        liquid.parse(text, "text")
    except liquid.BadLiquid:
        # Half of a condition stood where plain text has nothing, such as in a style.
        text = _unindented(to_text(_TAGS.sub("", html)))
    return text


def _unindented(text: str) -> str:
    # Layout tables push everything to the right, which means nothing in plain text.
    lines = (line.strip() for line in text.splitlines())
    whole = "\n".join(f"  {line}" if line.startswith("* ") else line for line in lines)
    return re.sub(r"\n{3,}", "\n\n", whole)


def _own_html(body: str, language: str) -> str:
    """Left as it is, but for styles, which many mailboxes read only on the elements."""
    _refuse_open_end(body)
    if not re.search(r"<(?:html|body)\b", body, re.IGNORECASE):
        body = (
            f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"</head><body>{body}</body></html>"
        )
    if not re.search(r"<style\b", body, re.IGNORECASE):
        return body
    try:
        return through(body, _inliner.inline, comments=True)
    except css_inline.InlineError:
        # A style that cannot be read is no reason to keep the mail back.
        return body


def _with_preheader(html: str, preheader: str) -> str:
    hidden = layout.preheader(preheader)
    if not hidden:
        return html
    for name, _, end in scan(html).tags:
        if name == "<body":
            return html[:end] + hidden + html[end:]
    return hidden + html


def _with_footer(html: str, footer: str) -> str:
    _refuse_open_end(html)
    at = len(html)
    for name, begin, _ in scan(html).tags:
        if name in ("</body", "</html") and _depth(html[:begin]) == 0:
            at = begin
            if name == "</body":
                break
    return html[:at] + footer + html[at:]


def _refuse_open_end(html: str) -> None:
    state = scan(html).end
    if state != "text":
        what = {"comment": "A comment (<!-- …)", "tag": "A tag (<…)"}.get(state, f"<{state}>")
        raise BadBody(f"{what} in your HTML is never closed and would swallow what follows.")


def _depth(source: str) -> int:
    """How many Liquid blocks are open at the end of `source`."""
    return len(_OPENING.findall(source)) - len(_CLOSING.findall(source))


def _written_link(found: re.Match[str]) -> str:
    label, target = found[1].strip(), found[2].strip()
    address = target.removeprefix("mailto:").removeprefix("tel:")
    if not label or label == address or not target or target.startswith("#"):
        return label or address
    return f"{label} ({target})"


_markdown = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(
    ["table", "strikethrough"]
)
_inliner = css_inline.CSSInliner(
    keep_style_tags=True, keep_at_rules=True, keep_link_tags=True, load_remote_stylesheets=False
)
_READABLE = ParserConfig(display_links=True, display_images=True)
