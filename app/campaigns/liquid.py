"""Merge tags: Liquid with a closed set of tags and filters, limits, and escaping by place.

`parse(source, escape_for=…)` gives a template. `escape_for` says what the source is: "html" (each
value is escaped for the place where it stands), "text" (plain text), "header" (subject and
preheader: one line) or "url" (an address by itself). `simple_parts` is the quick way for delivery:
text and outputs in order, where a source uses no logic. Values are data: `{{ … }}` inside a
contact's name is printed as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TextIO

from liquid import Environment, RenderContext
from liquid.ast import Node
from liquid.builtin import content, illegal, output
from liquid.builtin.expressions import Path
from liquid.builtin.expressions.arguments import PositionalArgument
from liquid.builtin.expressions.filtered import FilteredExpression
from liquid.builtin.expressions.primitive import FloatLiteral, IntegerLiteral, StringLiteral
from liquid.builtin.tags import (
    assign_tag,
    case_tag,
    comment_tag,
    for_tag,
    if_tag,
    inline_comment_tag,
    unless_tag,
)
from liquid.exceptions import LiquidError, LiquidSyntaxError, ResourceLimitError
from liquid.expression import Expression
from liquid.template import BoundTemplate

from app.accounts.models import Account
from app.campaigns import escaping
from app.campaigns.filters import FILTERS, text
from app.campaigns.places import LIQUID, scan
from app.contacts.fields import key_for
from app.contacts.models import Contact
from app.core.errors import DomainError, Invalid

Values = Mapping[str, object]
#: What stands under `contact.` beside `fields`, and in the row of a Contact.
PERSON = ("email", "first_name", "last_name", "company")
Escape = Callable[[str], str]
MAX_SOURCE = 500_000
TAGS = (
    content.Literal, output.Output, illegal.Illegal, if_tag.IfTag, unless_tag.UnlessTag,
    case_tag.CaseTag, for_tag.ForTag, for_tag.BreakTag, for_tag.ContinueTag,
    assign_tag.AssignTag, comment_tag.CommentTag, inline_comment_tag.InlineCommentTag,
)  # fmt: skip
#: Merge tags that every account has; contact.fields.KEY come on top.
NAMES: dict[str, str] = {
    "contact.first_name": "First name",
    "contact.last_name": "Last name",
    "contact.company": "Company",
    "contact.email": "E-mail address",
    "account.name": "Your business",
    "account.address": "Your postal address",
    "links.unsubscribe": "Unsubscribe link",
    "links.preferences": "Preferences link",
    "links.why": "Why do I get this link",
    "links.browser": "View in browser link",
    "links.archive": "Public page link",
    "links.share": "Share link",
    "links.friend": "Tell a friend link",
}


_FIELD = re.compile(r"""\b(contact\.fields)(?:\.([\w-]+)|\[\s*(?:"([^"]*)"|'([^']*)')\s*\])""")


class BadLiquid(Invalid):
    """A source that is no Liquid, or not the part of it that mails may use."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(f"Line {line}: {message}" if line else message)
        self.line = line


class RenderFailed(DomainError):
    """Filling in broke a limit: too many rounds of a loop, too long a result."""

    status = 422


@dataclass(frozen=True)
class Output:
    """One `{{ … }}` without logic: a path or constant and filters with constant arguments."""

    path: tuple[str, ...]
    """For example ("contact", "first_name"); empty for a constant."""
    constant: object
    filters: tuple[tuple[Callable[..., Any], tuple[object, ...]], ...]
    escape: Escape
    kind: str
    """The kind of place, as in app.campaigns.places; "text", "header" or "url" elsewhere."""

    def evaluate(self, values: Values) -> str:
        """The value filled in, escaped for its place. Raises RenderFailed."""
        value: object = self.constant
        if self.path:
            value = values
            for name in self.path:
                # A dict nearly always, which is found out many times faster.
                value = value.get(name) if isinstance(value, (dict, Mapping)) else None
        return self.apply(value)

    def apply(self, value: object) -> str:
        """The filters and the escaping alone. Raises RenderFailed."""
        try:
            for function, arguments in self.filters:
                value = function(value, *arguments)
        except LiquidError as error:
            raise RenderFailed(f"A merge tag cannot be filled in: {error.message}.") from None
        return self.escape(text(value))


class Template:
    """A parsed source."""

    def __init__(self, bound: BoundTemplate) -> None:
        self._bound = bound

    def render(self, values: Values) -> str:
        """Fill in everything. Raises RenderFailed."""
        try:
            return self._bound.render(**values)
        except ResourceLimitError:
            raise RenderFailed("A merge tag makes the mail too long or loops too often.") from None
        except LiquidError as error:
            raise RenderFailed(f"A merge tag cannot be filled in: {error.message}.") from None

    def nodes(self) -> list[Node]:
        """The outermost pieces."""
        return self._bound.nodes


def parse(source: str, escape_for: str = "html") -> Template:
    """Raises BadLiquid with the line and what to do."""
    return _parse(source, escape_for)


def simple_parts(source: str, escape_for: str = "html") -> list[str | Output] | None:
    """Text and outputs in order; None where tags or anything that needs a run are used."""
    parts: list[str | Output] = []
    for node in parse(source, escape_for).nodes():
        if isinstance(node, content.ContentNode):
            parts.append(node.text)
        elif isinstance(node, EscapingNode) and (found := _simple(node)):
            parts.append(found)
        else:
            return None
    return parts


def contact_values(account: Account, contact: Contact | None) -> dict[str, object]:
    """What merge tags may say; delivery adds `links`. None stands for nobody in particular."""
    person: dict[str, object] = dict.fromkeys(PERSON, "")
    person["fields"] = {}
    if contact:
        person = {name: getattr(contact, name) for name in (*PERSON, "fields")}
    return {"contact": person, "account": {"name": account.name, "address": account.address}}


def variables(source: str) -> set[str]:
    """Dotted names of the merge tags that a source uses, without its own helpers."""
    return set(merge_tags(source))


def merge_tags(source: str) -> dict[str, bool]:
    """Dotted name → whether every use has something to fall back on.

    That is a `default` filter, or an if/unless/case that asks for the same name.
    """
    asked: set[str] = set()
    used: dict[str, bool] = {}
    local: set[str] = set()
    for node in _walk(parse(source).nodes()):
        local.update(str(name) for name in (*node.template_scope(), *node.block_scope()))
        for expression in node.expressions():
            for name, falls_back in _names(expression):
                if isinstance(node, EscapingNode):
                    used[name] = used.get(name, True) and falls_back
                else:
                    asked.add(name)
                    used.setdefault(name, True)
    return {
        name: falls_back or name in asked
        for name, falls_back in used.items()
        if name.split(".")[0] not in local | {"forloop"}
    }


def literal(value: str) -> str:
    """Text of ours as a Liquid source: braces stay braces."""
    return value.replace("{", "{{ '{' }}")


@lru_cache(maxsize=128)
def _parse(source: str, escape_for: str) -> Template:
    if len(source) > MAX_SOURCE:
        raise BadLiquid("This text is too long for a mail. Keep it below 500,000 characters.")
    environment = _environments[escape_for]
    try:
        bound = environment.from_string(_with_keys(source))
        _check_filters(environment, bound)
        return Template(bound)
    except LiquidError as error:
        raise _explained(error, source) from None
    except RecursionError:
        raise BadLiquid("Too many merge tags stand inside each other.") from None


def _with_keys(source: str) -> str:
    """Fields called by their label, `contact.fields.City`, under the key that they have."""

    def name(found: re.Match[str]) -> str:
        return f"{found[1]}.{key_for(found[2] or found[3] or found[4] or '')}"

    return LIQUID.sub(lambda found: _FIELD.sub(name, found[0]), source)


def _check_filters(environment: Environment, bound: BoundTemplate) -> None:
    for node in _walk(bound.nodes):
        for outer in node.expressions():
            for expression in _expressions(outer):
                for used in getattr(expression, "filters", None) or ():
                    used.validate_filter_arguments(environment)


class EscapingNode(output.OutputNode):
    """`{{ … }}` that escapes its value for its place."""

    __slots__ = ("escape", "kind")
    escape: Escape
    kind: str

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        return buffer.write(self.escape(text(self.expression.evaluate(context))))


class _MailEnvironment(Environment):
    block_nesting_limit = 20
    context_depth_limit = 20
    loop_iteration_limit = 10_000
    local_namespace_limit = 500_000
    output_stream_limit = 1_000_000

    def __init__(self, escape_for: str) -> None:
        self.escape_for = escape_for
        super().__init__()

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        for tag in TAGS:
            self.add_tag(tag)
        self.add_tag(_EscapingOutput)
        for name, (function, least, most, _) in FILTERS.items():
            self.add_filter(name, _Checked(function, least, most))


class _EscapingOutput(output.Output):
    node_class = EscapingNode

    def parse(self, stream: Any) -> output.OutputNode:
        node = super().parse(stream)
        assert isinstance(node, EscapingNode)  # noqa: S101 - node_class says so
        assert isinstance(self.env, _MailEnvironment)  # noqa: S101 - registered there only
        node.kind, node.escape = _place(self.env.escape_for, node)
        return node


def _place(escape_for: str, node: output.OutputNode) -> tuple[str, Escape]:
    source, at = node.token.source, node.token.start_index
    if escape_for == "text":
        return "text", escaping.nothing
    if escape_for == "header":
        return "header", escaping.header
    if escape_for == "url":
        before = re.sub(r"\{%.*?%\}", "", source[:at], flags=re.DOTALL).strip()
        kind = "part" if before else "url"
        escape = escaping.IN_URL[kind]
    else:
        found = scan(source).places.get(at)
        kind = found.kind if found else "text"
        escape = escaping.IN_HTML[kind]
    if kind == "part" and _ends_encoded(node.expression):
        # The owner wrote `| url_encode`: encoding it again would show % signs to readers.
        escape = escaping.html_text if escape_for == "html" else escaping.nothing
    return kind, escape


def _ends_encoded(expression: Expression) -> bool:
    filters = getattr(expression, "filters", None) or []
    return bool(filters) and filters[-1].name == "url_encode"


class _Checked:
    """A filter that knows how many arguments it takes."""

    def __init__(self, function: Callable[..., Any], least: int, most: int) -> None:
        self.function, self.least, self.most = function, least, most

    def __call__(self, value: object, *arguments: object) -> object:
        return self.function(value, *arguments)

    def validate(self, _env: Environment, token: Any, name: str, arguments: list[Any]) -> None:
        named = any(not isinstance(argument, PositionalArgument) for argument in arguments)
        if named or not self.least <= len(arguments) <= self.most:
            wanted = FILTERS[name][3]
            raise LiquidSyntaxError(f"wrong arguments for “{name}” ({wanted})", token=token)


_environments = {name: _MailEnvironment(name) for name in ("html", "text", "header", "url")}


def _simple(node: EscapingNode) -> Output | None:
    expression = node.expression
    if not isinstance(expression, FilteredExpression):
        return None
    filters = []
    for used in expression.filters or ():
        arguments = [_constant(argument.value) for argument in used.args]
        if any(argument is None for argument in arguments):
            return None
        filters.append((FILTERS[used.name][0], tuple(a.value for a in arguments if a)))
    left = expression.left
    constant, path = _constant(left), _path(left)
    if constant is None and path is None:
        return None
    value = constant.value if constant else None
    return Output(path or (), value, tuple(filters), node.escape, node.kind)


_OWN_WORDS = frozenset({"size", "first", "last"})
_Constant = StringLiteral | IntegerLiteral | FloatLiteral


def _constant(expression: object) -> _Constant | None:
    return expression if isinstance(expression, _Constant) else None


def _path(expression: object) -> tuple[str, ...] | None:
    if not isinstance(expression, Path):
        return None
    names = tuple(name for name in expression.path if isinstance(name, str))
    # Liquid's own words in a path need a run.
    special = not _OWN_WORDS.isdisjoint(names)
    return names if len(names) == len(expression.path) and not special else None


def _walk(nodes: Any) -> Iterator[Node]:
    for node in nodes:
        yield node
        yield from _walk(node.children(None))


def _names(expression: Expression) -> Iterator[tuple[str, bool]]:
    falls_back = any(f.name == "default" for f in getattr(expression, "filters", None) or ())
    for child in _expressions(expression):
        if isinstance(child, Path):
            yield ".".join(str(part) for part in child.path), falls_back


def _expressions(expression: Expression) -> Iterator[Expression]:
    yield expression
    for child in expression.children():
        yield from _expressions(child)


def _explained(error: LiquidError, source: str) -> BadLiquid:
    found, message = error.context(), str(error.message)
    line = found[0] if found else 0
    if message.startswith("unknown filter"):
        name = message.split("'")[1]
        return BadLiquid(f"there is no filter “{name}”. There are {', '.join(FILTERS)}.", line)
    if message.startswith("unexpected tag"):
        return BadLiquid(_about_tag(message.split("'")[1]), line)
    if message.startswith("expected tag end"):
        end = message.split()[2].rstrip(",")
        tag = end.removeprefix("end")
        return BadLiquid(
            f"“{{% {tag} %}}” is never closed. Write “{{% {end} %}}” where it should end.",
            _line_of(source, rf"\{{%-?\s*{tag}\b"),
        )
    if "end of file" in message or "closing delimiter" in message:
        return BadLiquid("a merge tag is never closed. Write “}}” (or “%}”) at its end.", line)
    if message.startswith("wrong arguments"):
        return BadLiquid(f"{message}.", line)
    return BadLiquid(f"“{_shown(source, error)}” is no merge tag that we understand.", line)


def _about_tag(name: str) -> str:
    if name.startswith("end") or name in ("else", "elsif", "when"):
        return f"“{{% {name} %}}” stands alone: nothing was opened before it."
    return f"there is no “{{% {name} %}}” here. Mails know if, unless, case, for and assign."


def _line_of(source: str, pattern: str) -> int:
    found = list(re.finditer(pattern, source))
    return source.count("\n", 0, found[-1].start()) + 1 if found else 0


def _shown(source: str, error: LiquidError) -> str:
    at = error.token.start_index if error.token else -1
    for found in LIQUID.finditer(source):
        if found.start() <= at < found.end():
            return found[0][:80]
    return source.strip()[:80]
