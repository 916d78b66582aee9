from __future__ import annotations

from tests.api.conftest import Program
from tests.api.test_contacts import make_contact, make_list


def test_search_finds_beginnings(program: Program) -> None:
    make_contact(program, "vera@example.com", first_name="Vera", last_name="Viewer")
    make_contact(program, "bob@example.com", first_name="Bob", company="Verdant")
    make_contact(program, "charlie@example.com", first_name="Charlie")

    def found(query: str) -> set[str]:
        items = program("GET", "/contacts", query_string={"query": query}).get_json()["items"]
        return {item["email"] for item in items}

    assert found("ver") == {"vera@example.com", "bob@example.com"}
    assert found("CHARLIE") == {"charlie@example.com"}
    assert found("bob@ex") == {"bob@example.com"}
    assert found("view") == {"vera@example.com"}
    assert found("era") == set()
    assert found("%") == set()


def test_pages_hold_everybody_once(program: Program) -> None:
    news = make_list(program)
    for number in range(7):
        make_contact(program, f"p{number}@example.com", lists=[news] if number % 2 else [])

    def walk(path: str) -> list[str]:
        emails, cursor = [], ""
        while True:
            page = program("GET", f"{path}&cursor={cursor}").get_json()
            emails += [item["email"] for item in page["items"]]
            if page["cursor"] is None:
                return emails
            cursor = page["cursor"]

    everybody = walk("/contacts?limit=3")
    assert len(everybody) == len(set(everybody)) == 7
    assert sorted(walk(f"/contacts?limit=2&list={news}")) == [
        "p1@example.com", "p3@example.com", "p5@example.com",
    ]  # fmt: skip
    assert len(walk("/contacts?limit=2&query=p")) == 7


def test_a_stranger_reaches_nothing(program: Program, strange_program: Program) -> None:
    news, contact = make_list(program), make_contact(program)

    assert strange_program("GET", f"/contacts/{contact}").status_code == 404
    assert strange_program("PATCH", f"/contacts/{contact}", {"company": "x"}).status_code == 404
    assert strange_program("DELETE", f"/contacts/{contact}").status_code == 404
    assert strange_program("GET", "/contacts").get_json()["items"] == []
    body = {"email": "c@example.com", "lists": [news]}
    assert strange_program("POST", "/contacts", body).status_code == 422
    assert strange_program("GET", f"/contacts?list={news}").status_code in (404, 422)
