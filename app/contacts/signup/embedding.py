"""The lines that owners copy into their own pages."""

from __future__ import annotations

from html import escape

from app.contacts.models import SignUpForm
from app.contacts.signup import gate
from app.contacts.signup.design import Design, Question
from app.contacts.signup.words import Words
from app.core import settings

INPUTS = {"date": 'type="date"', "number": 'inputmode="decimal"'}


def codes(form: SignUpForm, design: Design, t: Words) -> dict[str, str]:
    """plain, frame, and the pop-up: button, delay, scroll. `design` is in its language."""
    return {
        "plain": plain(form, design, t),
        "frame": _frame(form, design),
        **{how: _pop_up(form, design, t, how) for how in ("button", "delay", "scroll")},
    }


def plain(form: SignUpForm, design: Design, t: Words) -> str:
    """A form of HTML alone. It has no time stamp, so one more press is asked for on our page."""
    lines = [f'<form action="{_address(form)}" method="post" accept-charset="utf-8">']
    lines.append(_label(t("email"), 'type="email" name="email" autocomplete="email" required'))
    lines += [_question(one, t) for one in design.questions]
    if design.visitor_chooses and len(design.lists) > 1:
        lines.append(f"  <fieldset><legend>{_safe(t('lists'))}</legend>")
        lines += [
            f'    <label><input type="checkbox" name="lists" value="{one.id}"> '
            f"{_safe(one.label)}</label>"
            for one in design.lists
        ]
        lines.append("  </fieldset>")
    lines.append(_consent(design))
    lines.append(
        f'  <p style="position:absolute;left:-9999px" aria-hidden="true"><label>{_safe(t("trap"))} '
        f'<input name="{gate.TRAP}" tabindex="-1" autocomplete="off"></label></p>'
    )
    lines += [f'  <button type="submit">{_safe(design.button)}</button>', "</form>"]
    return "\n".join(lines)


def _question(one: Question, t: Words) -> str:
    needed = " required" if one.required else ""
    if one.type == "yes_no":
        box = f'<input type="checkbox" name="{one.key}" value="yes"{needed}>'
        return f"  <p><label>{box} {_safe(one.label)}</label></p>"
    kind = INPUTS.get(one.type, 'maxlength="200"')
    label = one.label if one.required else f"{one.label} ({t('optional')})"
    return _label(label, f'name="{one.key}" {kind}{needed}')


def _label(label: str, attributes: str) -> str:
    return f"  <p><label>{_safe(label)}<br><input {attributes}></label></p>"


def _consent(design: Design) -> str:
    words = _safe(design.consent).replace("\n", "<br>")
    if design.consent_box:
        box = '<input type="checkbox" name="consent" value="yes" required>'
        return f"  <p><label>{box} {words}</label></p>"
    return f"  <p><small>{words}</small></p>"


def _frame(form: SignUpForm, design: Design) -> str:
    height = 300 + 84 * len(design.questions) + 40 * len(design.lists) * design.visitor_chooses
    return (
        f'<iframe src="{_address(form)}/frame" title="{_safe(design.title)}" loading="lazy" '
        f'style="width:100%;max-width:30rem;height:{height}px;border:0"></iframe>'
    )


def _pop_up(form: SignUpForm, design: Design, t: Words, how: str) -> str:
    after = {"delay": ' data-after="10"', "scroll": ' data-after="50"'}.get(how, "")
    script = (
        f'<script async src="{settings.get().BASE_URL}/f/pop-up.js" data-form="{form.slug}" '
        f'data-open="{how}"{after} data-label="{_safe(design.title)}" '
        f'data-close="{_safe(t("close"))}"></script>'
    )
    if how != "button":
        return script
    opener = f'<a href="{_address(form)}" data-sign-up="{form.slug}">{_safe(design.button)}</a>'
    return f"{opener}\n{script}"


def _address(form: SignUpForm) -> str:
    return f"{settings.get().BASE_URL}/f/{form.slug}"


def _safe(text: str) -> str:
    return escape(text, quote=True)
