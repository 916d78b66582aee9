"""What the API reads and answers, declared once: checked on the way in, published as OpenAPI.

No postponed annotations here: TypedDict must see NotRequired to know what may be left out.
"""

from datetime import datetime
from typing import Annotated, Any, Literal, NotRequired, TypedDict

Name = Annotated[str | None, {"maxLength": 200}]
NeededName = Annotated[str, {"minLength": 1, "maxLength": 200}]
Email = Annotated[str, {"minLength": 1, "maxLength": 320, "examples": ["vera@example.com"]}]
Line = Annotated[str, {"maxLength": 1000}]
MaybeLine = Annotated[str | None, {"maxLength": 1000}]
Body = Annotated[str, {"maxLength": 1_500_000}]
Ids = Annotated[list[Annotated[int, {"minimum": 1}]], {"maxItems": 1000}]
Tags = Annotated[list[Annotated[str, {"minLength": 1, "maxLength": 100}]], {"maxItems": 200}]
Moment = datetime
OptIn = Literal["single", "double"]
Kind = Literal["person", "organisation"]
SuppressionKind = Literal["account", "bounced", "complaint", "erased", "import", "unsubscribed"]
Tracking = Literal["none", "aggregate", "individual"]
CampaignState = Literal["draft", "scheduled", "held", "sending", "paused", "sent", "cancelled"]
DeliveryState = Literal["pending", "sending", "deferred", "sent", "failed", "uncertain", "skipped"]
Cursor = Annotated[str | None, {"description": "Pass it on for the next items; null at the end."}]
Count = Annotated[int, {"minimum": 0}]


class PageQuery(TypedDict):
    """One page of a list."""

    cursor: NotRequired[Annotated[str, {"maxLength": 500}]]
    limit: NotRequired[Annotated[int, {"minimum": 1, "maximum": 500}]]


class Problem(TypedDict):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: Annotated[str, {"description": "In words for the person who must act."}]
    errors: NotRequired[Annotated[dict[str, list[str]], {"description": "Messages per field."}]]
    findings: NotRequired["list[Finding]"]


class ListIn(TypedDict):
    """A list to make."""

    name: NeededName
    opt_in: NotRequired[OptIn]
    description: NotRequired[Annotated[str, {"maxLength": 2000}]]


class ListOut(TypedDict):
    """A named set one can subscribe to."""

    id: int
    name: str
    opt_in: OptIn
    description: str
    active: Annotated[int, {"description": "People whose subscription is active."}]
    pending: Annotated[int, {"description": "People who have not confirmed yet."}]
    created_at: Moment


class ListPage(TypedDict):
    items: list[ListOut]
    cursor: Cursor


FieldValue = Annotated[
    Any, {"type": ["string", "integer", "number", "boolean", "array", "object", "null"]}
]


class ContactIn(TypedDict):
    """A contact to make."""

    email: Email
    first_name: NotRequired[Name]
    last_name: NotRequired[Name]
    company: NotRequired[Name]
    external_id: NotRequired[Name]
    kind: NotRequired[Kind]
    fields: NotRequired[Annotated[dict[str, FieldValue], {"maxProperties": 200}]]
    lists: NotRequired[Ids]
    tags: NotRequired[Tags]


class ContactChanges(TypedDict, total=False):
    """What to change; what is left out stays. `lists` and `tags` are the whole new sets."""

    email: Email
    first_name: Name
    last_name: Name
    company: Name
    external_id: Name
    kind: Kind
    fields: Annotated[
        dict[str, FieldValue],
        {"maxProperties": 200, "description": "Null removes a field; others stay."},
    ]
    lists: Ids
    tags: Tags


class SubscriptionOut(TypedDict):
    """The contact on one list."""

    list: int
    state: Literal["pending", "active", "ended"]
    since: Moment


class ContactOut(TypedDict):
    """One address of one person or organisation."""

    id: int
    email: str
    first_name: str
    last_name: str
    company: str
    external_id: Annotated[str, {"description": "What you call them in another system."}]
    kind: Kind
    kind_reason: Annotated[
        Literal[
            "hand", "api", "file", "legal_form", "company", "role", "name", "free_mail",
            "unknown", "before",
        ],
        {"description": "Who said the kind, or what it was worked out from."},
    ]  # fmt: skip
    fields: dict[str, Any]
    lists: Annotated[list[int], {"description": "Lists with an active or pending subscription."}]
    subscriptions: list[SubscriptionOut]
    tags: list[str]
    suppressed: Annotated[bool, {"description": "Whether this address must not be mailed."}]
    created_at: Moment
    updated_at: Moment


class ContactQuery(PageQuery):
    """Which contacts."""

    query: NotRequired[
        Annotated[
            str,
            {"maxLength": 200, "description": "The beginning of an address, a name or a company."},
        ]
    ]
    list: NotRequired[Annotated[int, {"minimum": 1, "description": "Only those on this list."}]]
    segment: NotRequired[Annotated[int, {"minimum": 1, "description": "Only those in it now."}]]
    kind: NotRequired[Kind]
    external_id: NotRequired[
        Annotated[str, {"maxLength": 200, "description": "Only those who are called exactly so."}]
    ]


class ContactPage(TypedDict):
    items: list[ContactOut]
    cursor: Cursor


class ColumnIn(TypedDict):
    """What a column becomes; with `keep`, it only fills what is empty."""

    to: NotRequired[str | None]
    keep: NotRequired[bool]


class ImportIn(TypedDict):
    """The fields of the form beside `file`."""

    list: Annotated[int, {"minimum": 1}]
    mapping: NotRequired[
        Annotated[
            dict[str, str | ColumnIn | None],
            {"description": "Column to field, as JSON. Guessed where it is left out."},
        ]
    ]
    mode: NotRequired[Literal["add", "update", "block"]]
    basis: Annotated[
        str,
        {"minLength": 1, "maxLength": 2000, "description": "Where these people come from."},
    ]


class ImportOut(TypedDict):
    """An import; `rows` is the sum of the five counts below it when it is finished."""

    id: int
    state: Literal["queued", "running", "finished", "failed"]
    error: Annotated[
        str, {"description": "Why it failed, or that the file holds no row; empty otherwise."}
    ]
    list: int | None
    mode: Literal["add", "update", "block"]
    mapping: dict[str, Any]
    rows: Count
    created: Count
    updated: Count
    unchanged: Count
    suppressed: Count
    rejected: Count
    created_at: Moment
    finished_at: Moment | None


class CampaignIn(TypedDict):
    """A campaign to make. The body is one of html, markdown and mjml, or plain text alone."""

    name: NeededName
    subject: NotRequired[Line]
    preheader: NotRequired[MaybeLine]
    from_name: NotRequired[Line]
    from_email: NotRequired[Annotated[str, {"maxLength": 320}]]
    reply_to: NotRequired[Annotated[str | None, {"maxLength": 320}]]
    html: NotRequired[Body]
    markdown: NotRequired[Body]
    mjml: NotRequired[Body]
    blocks: NotRequired[list[Any]]
    text: NotRequired[Annotated[str | None, {"maxLength": 1_500_000}]]
    lists: NotRequired[Ids]
    segments: NotRequired[Ids]
    exclude: NotRequired[Annotated[list[int], {"description": "Lists whose people get none."}]]
    exclude_segments: NotRequired[Ids]
    tracking: NotRequired[Tracking]


class CampaignChanges(TypedDict, total=False):
    """What to change in a draft; what is left out stays."""

    name: NeededName
    subject: Line
    preheader: MaybeLine
    from_name: Line
    from_email: Annotated[str, {"maxLength": 320}]
    reply_to: Annotated[str | None, {"maxLength": 320}]
    html: Body
    markdown: Body
    mjml: Body
    blocks: list[Any]
    text: Annotated[str | None, {"maxLength": 1_500_000}]
    lists: Ids
    segments: Ids
    exclude: Ids
    exclude_segments: Ids
    tracking: Tracking
    version: Annotated[int, {"description": "Refused with 409 when the draft has moved on."}]


class CampaignOut(TypedDict):
    """A message and its plan."""

    id: int
    state: CampaignState
    version: int
    name: str
    subject: str
    preheader: str
    from_name: str
    from_email: str
    reply_to: str | None
    html: str | None
    markdown: str | None
    mjml: str | None
    text: str | None
    lists: list[int]
    segments: list[int]
    exclude: list[int]
    exclude_segments: list[int]
    tracking: Tracking
    created_at: Moment
    updated_at: Moment
    due_at: Moment | None
    started_at: Moment | None
    finished_at: Moment | None
    pause_reason: str


class CampaignSummary(TypedDict):
    """A campaign without its content."""

    id: int
    state: CampaignState
    name: str
    subject: str
    created_at: Moment
    started_at: Moment | None
    finished_at: Moment | None


class CampaignPage(TypedDict):
    items: list[CampaignSummary]
    cursor: Cursor


class TestIn(TypedDict):
    """Where to send a test."""

    to: Annotated[list[Email], {"minItems": 1, "maxItems": 10}]


class TestOut(TypedDict):
    """The addresses that the test went to."""

    to: list[str]


class SendIn(TypedDict):
    """When to send; at once where nothing is said."""

    at: NotRequired[Moment | None]
    hold_seconds: NotRequired[
        Annotated[
            int,
            {"minimum": 0, "maximum": 86_400, "description": "Time in which it can be taken back."},
        ]
    ]


class Nothing(TypedDict):
    """An empty object; the body may be left out."""


class Finding(TypedDict):
    """What the pre-flight noticed."""

    level: Literal["block", "warn", "info"]
    code: Annotated[str, {"description": "Stays the same when the words change."}]
    title: str
    text: str
    fix: str


class ReceiptOut(TypedDict):
    """`intended` is the sum of all the others."""

    intended: Count
    sent: Count
    failed: Count
    uncertain: Count
    pending: Annotated[int, {"minimum": 0, "description": "What may still change by itself."}]
    skipped: dict[str, int]


class DeliveryQuery(PageQuery):
    """Which deliveries."""

    state: NotRequired[DeliveryState]


class DeliveryOut(TypedDict):
    """One campaign to one recipient."""

    id: int
    contact: Annotated[int | None, {"description": "Null when the person was erased."}]
    address: str | None
    state: DeliveryState
    reason: str | None
    tries: Count
    claimed_at: Moment | None
    next_try_at: Moment | None
    sent_at: Moment | None
    code: Annotated[int | None, {"description": "SMTP reply code."}]
    status: Annotated[str | None, {"description": "Enhanced status code (RFC 3463)."}]
    answer: Annotated[str | None, {"description": "The server's words."}]
    tls: Annotated[bool | None, {"description": "Encrypted on its way; null before it left."}]


class DeliveryPage(TypedDict):
    items: list[DeliveryOut]
    cursor: Cursor


class HitsOut(TypedDict):
    """Opens: hits by people and by machines, and how many people."""

    human: Count
    machine: Count
    people: Count


class LinkHitsOut(TypedDict):
    """Clicks on one link."""

    url: str
    human: Count
    machine: Count


class ClicksOut(TypedDict):
    """Clicks, and each link's share."""

    human: Count
    machine: Count
    people: Count
    links: list[LinkHitsOut]


class BouncesOut(TypedDict):
    """Bounces that came after acceptance or with the refusal."""

    hard: Count
    soft: Count


class ReportOut(TypedDict):
    """What readers did."""

    opens: HitsOut
    clicks: ClicksOut
    unsubscribes: Count
    complaints: Count
    bounces: BouncesOut


class SuppressionIn(TypedDict):
    """An address that the account must not mail."""

    email: Email
    reason: NotRequired[
        Annotated[str, {"maxLength": 500, "description": "Why, in the account's words."}]
    ]


class SuppressionQuery(PageQuery):
    """Which suppressions."""

    email: NotRequired[Annotated[str, {"maxLength": 320}]]


class SuppressionOut(TypedDict):
    """An address that must not be mailed, and why."""

    id: int
    email: Annotated[str | None, {"description": "Null when the person was erased."}]
    reason: Annotated[str, {"description": "The account's own words, or else the kind."}]
    kind: SuppressionKind
    detail: str
    deletable: Annotated[bool, {"description": "Whether the account added it itself."}]
    created_at: Moment


class SuppressionPage(TypedDict):
    items: list[SuppressionOut]
    cursor: Cursor
