"""What LeaderSend puts around an owner's words: the layout of Markdown mails, the preheader and
the footer that every mail has.

The layout is MJML, compiled once. Colours stand in the mail itself for programs that know no
`<style>`, and again for the dark.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from functools import lru_cache

import css_inline
import mjml

from app.campaigns import footers, liquid
from app.campaigns.footers import LANGUAGES
from app.campaigns.protecting import through

CONTENT_MARK, TITLE_MARK = "lscontentmark", "lstitlemark"
FOOTER_MARK = "ls-footer"
_FONT = "-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
#: Inlined into the owner's words.
_CSS = """
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 16px; font-weight: 700; }
h2 { font-size: 21px; line-height: 1.3; margin: 28px 0 12px; font-weight: 700; }
h3, h4, h5, h6 { font-size: 17px; line-height: 1.4; margin: 24px 0 8px; font-weight: 700; }
p { margin: 0 0 16px; }
ul, ol { margin: 0 0 16px; padding: 0 0 0 24px; }
li { margin: 0 0 6px; }
a { color: #1c6b50; text-decoration: underline; }
img { max-width: 100%; height: auto; border: 0; }
blockquote { margin: 0 0 16px; padding: 0 0 0 16px; border-left: 3px solid #c9c5b8; }
hr { border: 0; border-top: 1px solid #dcd8cc; margin: 24px 0; }
code { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: 14px; }
pre { font-family: ui-monospace, Menlo, Consolas, monospace; white-space: pre-wrap; margin: 0 0 16px; }
table { border-collapse: collapse; margin: 0 0 16px; }
th, td { padding: 6px 12px 6px 0; text-align: left; vertical-align: top; }
th { border-bottom: 1px solid #c9c5b8; }
"""  # noqa: E501 - one rule a line
_DARK = """
@media (prefers-color-scheme: dark) {
  body, .ls-page, .ls-page > table { background-color: #171a17 !important; }
  .ls-sheet, .ls-sheet > table { background-color: #171a17 !important; }
  .ls-words, .ls-words div, .ls-words td, .ls-words th { color: #eceFea !important; }
  .ls-words a { color: #7fd6aa !important; }
  .ls-footer, .ls-footer p { background-color: #171a17 !important; color: #b4bbb5 !important; }
  .ls-footer a { color: #b4bbb5 !important; }
}
"""
_LAYOUT = """
<mjml lang="{language}">
  <mj-head>
    <mj-title>{title}</mj-title>
    <mj-attributes>
      <mj-all font-family="{font}" />
      <mj-text font-size="16px" line-height="1.55" color="#1b1f1d" padding="0 24px" />
      <mj-section padding="24px 0 8px" />
    </mj-attributes>
    <mj-style>{dark}</mj-style>
    <mj-raw>
      <meta name="color-scheme" content="light dark" />
      <meta name="supported-color-schemes" content="light dark" />
    </mj-raw>
  </mj-head>
  <mj-body background-color="#ffffff" css-class="ls-page">
    <mj-section background-color="#ffffff" css-class="ls-sheet">
      <mj-column>
        <mj-text css-class="ls-words">{content}</mj-text>
      </mj-column>
    </mj-section>
  </mj-body>
</mjml>
"""
#: Nothing that an owner writes into a style hides these.
_SHOWN = (
    "display:block!important;visibility:visible!important;opacity:1!important;"
    "position:static!important;transform:none!important;clip-path:none!important;"
    "width:auto!important;height:auto!important;max-height:none!important;"
    "overflow:visible!important;text-indent:0!important"
)
_SMALL = "font-size:13px!important;line-height:1.5!important"
_LINK = (
    "color:#4b524e;text-decoration:underline;display:inline!important;"
    "visibility:visible!important;font-size:13px!important"
)
# Mail programs show what comes after a short preheader; these fill the line with nothing.
_FILLING = "&#847;&zwnj;&nbsp;" * 40


def page(content: str, *, title: str, language: str) -> str:
    """A whole mail around HTML of an owner's words; `title` is the subject as Liquid."""
    words = css_inline.CSSInliner(load_remote_stylesheets=False).inline_fragment(content, _CSS)
    whole = _compiled(language)
    return whole.replace(TITLE_MARK, as_html(title)).replace(CONTENT_MARK, words)


def preheader(source: str) -> str:
    """The line that mailboxes show beside the subject, hidden in the mail itself."""
    if not source.strip():
        return ""
    style = (
        "display:none;font-size:1px;line-height:1px;max-height:0;max-width:0;"
        "opacity:0;overflow:hidden;mso-hide:all"
    )
    return f'<div style="{style}">{as_html(source)}{_FILLING}</div>'


def footer_html(lists: Sequence[str], *, language: str) -> str:
    """Business, postal address, why this mail came, and the ways out."""
    paragraph = f'<p style="margin:0 0 8px;color:#4b524e;{_SMALL};{_SHOWN}">'
    words = LANGUAGES[language]
    links = " &nbsp;·&nbsp; ".join(
        _link(name, words[name]) for name in ("unsubscribe", "preferences", "browser")
    )
    names = f"{as_html(reason(lists, language=language))} {_link('why', words['why'])}"
    return _footer(language, f"{paragraph}{names}</p>", links)


def public_footer_html(*, language: str) -> str:
    """For the copy that everybody may read: who wrote it, and how to get the next one."""
    return _footer(language, "", _link("signup", LANGUAGES[language]["signup"]))


def public_footer_text(*, language: str) -> str:
    """The same for plain text."""
    return (
        "-- \n{{ account.name }}\n{{ account.address }}\n\n"
        f"{LANGUAGES[language]['signup']}: {{{{ links.signup }}}}\n"
    )


def _footer(language: str, first: str, links: str) -> str:
    paragraph = f'<p style="margin:0 0 8px;color:#4b524e;{_SMALL};{_SHOWN}">'
    return (
        f'<div role="contentinfo" lang="{language}" class="{FOOTER_MARK}" style="clear:both;'
        f"padding:24px;background-color:#ffffff;color:#4b524e;text-align:center;"
        f'font-family:{_FONT.replace(chr(39), "")};{_SMALL};{_SHOWN}">'
        f"{first}{paragraph}<strong>{{{{ account.name }}}}</strong><br>"
        f'<span style="white-space:pre-line">{{{{ account.address }}}}</span></p>'
        f"{paragraph}{links}</p></div>"
    )


def footer_text(lists: Sequence[str], *, language: str) -> str:
    """The same for the plain-text part."""
    words = LANGUAGES[language]
    return (
        "-- \n"
        f"{reason(lists, language=language)}\n{words['why']} {{{{ links.why }}}}\n\n"
        "{{ account.name }}\n{{ account.address }}\n\n"
        f"{words['unsubscribe']}: {{{{ links.unsubscribe }}}}\n"
        f"{words['preferences']}: {{{{ links.preferences }}}}\n"
        f"{words['browser']}: {{{{ links.browser }}}}\n"
    )


def _link(name: str, label: str) -> str:
    return f'<a href="{{{{ links.{name} }}}}" style="{_LINK}">{label}</a>'


def reason(lists: Sequence[str], *, language: str) -> str:
    """Why the mail came, as Liquid text."""
    names = [liquid.literal(name) for name in lists]
    return footers.reason(language, "{{ account.name }}", names)


def as_html(source: str) -> str:
    """Liquid text as Liquid HTML: what stands between the merge tags is escaped."""
    return through(source, html.escape)


@lru_cache(maxsize=16)
def _compiled(language: str) -> str:
    source = _LAYOUT.format(
        language=language, title=TITLE_MARK, font=_FONT, dark=_DARK, content=CONTENT_MARK
    )
    return str(mjml.mjml2html(source, fonts={}))
