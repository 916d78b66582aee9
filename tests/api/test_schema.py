from __future__ import annotations

import re
from typing import Any

from app.api import openapi
from app.api.calls import CALLS
from app.api.routes import bp
from app.api.schemas import check
from tests.api.conftest import Program
from tests.conftest import Client


def document() -> dict[str, Any]:
    return openapi.document("https://news.example.com", "1.0")


def test_the_document_is_served_to_everybody(client: Client) -> None:
    answer = client.get("/api/v1/openapi.json")

    assert answer.status_code == 200
    assert answer.get_json()["openapi"].startswith("3.1")


def test_every_route_is_in_the_document(client: Client) -> None:
    served = {
        (method, re.sub(r"<int:(\w+)>", r"{\1}", rule.rule.removeprefix("/api/v1")))
        for rule in client.application.url_map.iter_rules()
        if rule.endpoint.startswith(f"{bp.name}.")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    } - {("GET", "/openapi.json")}

    described = {
        (method.upper(), path)
        for path, operations in document()["paths"].items()
        for method in operations
    }

    assert served == described


def test_every_reference_of_the_document_leads_somewhere() -> None:
    whole = document()

    def references(part: Any) -> list[str]:
        if isinstance(part, dict):
            own = [part["$ref"]] if "$ref" in part else []
            return own + [one for value in part.values() for one in references(value)]
        return (
            [one for value in part for one in references(value)] if isinstance(part, list) else []
        )

    names = {reference.rsplit("/", 1)[1] for reference in references(whole)}

    assert names
    assert names <= set(whole["components"]["schemas"])


def test_every_call_has_a_summary_and_a_scope() -> None:
    assert [call.name for call in CALLS if not call.summary or not call.scope] == []


def test_a_wrong_body_is_explained_field_by_field(program: Program) -> None:
    short = program("POST", "/contacts", {"email": "v"}).get_json()
    assert short["errors"] == {"email": ["The @ is missing."]}
    unnamed = program("POST", "/contacts", {"email": "v@b.example", "fields": {" ": "x"}})
    assert unnamed.get_json()["errors"] == {"fields": ["Give the field a name."]}
    body = {"email": 7, "frist_name": "Vera", "lists": [1, "two"], "kind": "robot"}

    answer = program("POST", "/contacts", body)

    assert answer.status_code == 422
    assert answer.get_json()["errors"] == {
        "email": ["This must be text."],
        "frist_name": ["There is no such field here. Did you mean first_name?"],
        "lists": ["In entry 2: This must be a whole number."],
        "kind": ["Choose one of: person, organisation."],
    }


def test_a_body_that_is_no_json_is_refused(program: Program) -> None:
    path, json_type = "/lists", {"content_type": "application/json"}

    assert program("POST", path, data="{", **json_type).status_code == 400
    assert program("POST", path, data='{"name": NaN}', **json_type).status_code == 400
    assert program("POST", path, data="[" * 100_000, **json_type).status_code == 400
    assert program("POST", path, data="[]", **json_type).status_code == 422
    assert program("POST", path, data=r'{"name": "\ud800"}', **json_type).status_code == 422
    assert program("POST", path, data=r'{"name": "a\u0000"}', **json_type).status_code == 422
    assert program("POST", path, data="name=x", content_type="text/plain").status_code == 415
    assert program("POST", path, data="x" * 4_000_001, **json_type).status_code == 413


def test_a_number_that_no_row_can_have_is_404(program: Program) -> None:
    assert program("GET", f"/contacts/{'9' * 40}").status_code == 404


def matches(answer: Any, name: str) -> dict[str, list[str]]:
    """What is wrong with a real answer against its published schema."""
    schemas = document()["components"]["schemas"]
    return check(answer, schemas[name], schemas)


def test_real_answers_match_their_schemas(program: Program) -> None:
    list_ = program("POST", "/lists", {"name": "News"}).get_json()
    contact = program(
        "POST",
        "/contacts",
        {"email": "vera@example.com", "lists": [list_["id"]], "tags": ["new"],
         "fields": {"cake": "apple", "age": 7}},
    ).get_json()  # fmt: skip
    campaign = program("POST", "/campaigns", {"name": "May", "markdown": "Hello"}).get_json()
    wall = program("POST", "/suppressions", {"email": "no@example.com"}).get_json()

    assert matches(list_, "ListOut") == {}
    assert matches(program("GET", "/lists").get_json(), "ListPage") == {}
    assert matches(contact, "ContactOut") == {}
    assert matches(campaign, "CampaignOut") == {}
    assert matches(program("GET", "/campaigns").get_json(), "CampaignPage") == {}
    assert matches(wall, "SuppressionOut") == {}
    assert matches(program("GET", "/suppressions").get_json(), "SuppressionPage") == {}
    assert matches(program("GET", "/contacts/0").get_json(), "Problem") == {}
