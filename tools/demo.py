"""The main job on real input, without a browser: from a file of contacts to a report.

Starts a LeaderSend of its own on free ports in a folder of its own, imports a file with awkward
rows, sends, reads what the mail catcher really got, opens, clicks and leaves by the links found
in those mails, and compares every number of the receipt and the report. Ends with code 1 when
one does not add up.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

import demo_file
from demo_mails import Inbox, Mail
from demo_server import Api, LeaderSend, web

BODY = """\
# Hello {{ contact.first_name | default: "there" }}

Dear {{ contact.first_name }} {{ contact.last_name }} of {{ contact.fields.city | default: "?" }},
the new season has begun, with *ten* new sorts of bread.

- [See the bread](https://shop.example/bread?from=mail)
- [Find the way](https://shop.example/way#map)
- [Write to us](https://shop.example/contact)

Yours, {{ account.name }}
"""
SAFARI = "(KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
CHROME = "(KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0",
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 {SAFARI}",
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 {CHROME}",
)
SCANNER = "Mozilla/5.0 (compatible; Barracuda Sentinel)"
OPENERS, TWICE, CLICKERS = 300, 50, 120
SCANNED, BURSTS = 40, 20
ONE_CLICK, BY_PAGE, BY_MAIL = 20, 10, 5
#: So few are refused that the brake never pulls, whichever mails are answered first.
KEPT_OUT, REFUSED = 30, 4


class Ledger:
    """What was expected, what was found, and whether it is the same."""

    def __init__(self) -> None:
        self.wrong = 0

    def check(self, what: str, found: object, expected: object) -> None:
        """One line; counts what does not add up."""
        same = found == expected
        self.wrong += not same
        words = f"{found}" if same else f"{found}, but it should be {expected}"
        print(f"  {'ok ' if same else 'BAD'}  {what:<46} {words}")


def main() -> int:
    """0 when everything adds up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=10_400, help="how many people to import")
    parser.add_argument("--keep", action="store_true", help="leave the data folder there")
    options = parser.parse_args()
    began, ledger = time.monotonic(), Ledger()
    with LeaderSend(keep=options.keep) as server:
        print(f"LeaderSend runs at {server.url}, its data in {server.home}")
        story(server, ledger, options.people)
    seconds = time.monotonic() - began
    print(f"\n{'Everything adds up' if not ledger.wrong else f'{ledger.wrong} numbers are wrong'}"
          f" ({seconds:.0f} s).")  # fmt: skip
    return 1 if ledger.wrong else 0


def story(server: LeaderSend, ledger: Ledger, people: int) -> None:
    """From nothing to a report."""
    plan = demo_file.make(people, KEPT_OUT, refused=REFUSED)
    api = open_account(server)
    list_id = fill(api, plan, ledger)
    campaign = api.post("/campaigns", {
        "name": "Spring", "subject": "{{ contact.first_name | default: 'Hello' }}, it is spring",
        "preheader": "Ten new sorts of bread", "from_name": "Corner Bakery",
        "from_email": "news@bakery.example", "markdown": BODY, "lists": [list_id],
        "tracking": "individual",
    })["id"]  # fmt: skip
    inbox = Inbox(server.home / "mail")
    try_out(api, campaign, inbox, ledger)
    send(api, campaign, plan, ledger)
    mails = compare_mails(inbox, plan, ledger)
    # Whoever opens within two seconds is taken for a machine; so readers wait for that long.
    time.sleep(2.5)
    made = read_them(mails, plan)
    leavers = leave(server, mails, plan, made)
    show_report(api, campaign, made, ledger)
    send_again(api, list_id, inbox, plan, leavers, ledger)


def open_account(server: LeaderSend) -> Api:
    """A business with a confirmed sender, and a token."""
    account = server.command(
        "account", "create", "--business", "Corner Bakery", "--email", "alice@bakery.example",
        "--address", "Corner Bakery, 1 High Street, 12345 Town", "--sender", "news@bakery.example",
    )  # fmt: skip
    token = server.command("token", "create", "--account", str(account["account"]))
    return Api(server.url, token["token"])


def fill(api: Api, plan: demo_file.Plan, ledger: Ledger) -> int:
    """A list, people who must not be mailed, and the file."""
    list_id = int(api.post("/lists", {"name": "Customers", "opt_in": "single"})["id"])
    for address in sorted(plan.kept_out):
        api.post("/suppressions", {"email": address, "reason": "asked at the counter"})
    began = time.monotonic()
    started = api.upload(
        "/imports", plan.text.encode(), list=str(list_id),
        basis="Customers who asked for the newsletter at the counter.",
    )  # fmt: skip
    done = api.wait(f"/imports/{started['id']}", lambda row: row["state"] in ("finished", "failed"))
    seconds = time.monotonic() - began
    print(f"\nImport of {plan.rows:,} rows ({seconds:.1f} s)")
    ledger.check("state", done["state"], "finished")
    ledger.check("rows", done["rows"], plan.rows)
    ledger.check("created", done["created"], plan.created)
    ledger.check("a second time (updated + unchanged)", done["updated"] + done["unchanged"],
                 plan.doubles)  # fmt: skip
    ledger.check("kept out", done["suppressed"], plan.kept_out_rows)
    ledger.check("rejected", done["rejected"], plan.bad)
    parts = ("created", "updated", "unchanged", "suppressed", "rejected")
    ledger.check("the parts make up the whole", sum(done[part] for part in parts), done["rows"])
    rejected = api.text(f"/imports/{started['id']}/rejected")
    ledger.check("rejected rows to download", demo_file.rows_of(rejected), plan.bad)
    return list_id


def try_out(api: Api, campaign: int, inbox: Inbox, ledger: Ledger) -> None:
    """A test mail to the owner."""
    print("\nTest")
    api.post(f"/campaigns/{campaign}/test", {"to": ["alice@bakery.example"]})
    found = inbox.wait_for(1, seconds=20)
    ledger.check("test mail to", [mail.to for mail in found], [["alice@bakery.example"]])


def send(api: Api, campaign: int, plan: demo_file.Plan, ledger: Ledger) -> None:
    """Send twice with the same key; it goes out once."""
    began = time.monotonic()
    for _ in range(2):
        api.post(f"/campaigns/{campaign}/send", {"hold_seconds": 0}, key="spring")
    api.wait(f"/campaigns/{campaign}", lambda row: row["state"] == "sent", seconds=240)
    seconds = time.monotonic() - began
    receipt = api.get(f"/campaigns/{campaign}/receipt")
    people = len(plan.expected)
    print(f"\nReceipt ({seconds:.1f} s, {people / seconds:,.0f} mails a second into the catcher)")
    ledger.check("intended", receipt["intended"], people)
    ledger.check("sent", receipt["sent"], people - len(plan.refused))
    ledger.check("failed", receipt["failed"], len(plan.refused))
    for part in ("uncertain", "pending"):
        ledger.check(part, receipt[part], 0)
    ledger.check("skipped", receipt["skipped"], {})
    failed = api.get(f"/campaigns/{campaign}/deliveries?state=failed")["items"]
    names = {delivery["address"] for delivery in failed}
    ledger.check("those who failed are those refused", names == plan.refused, True)
    ledger.check("… with the server's code", {delivery["code"] for delivery in failed}, {550})


def compare_mails(inbox: Inbox, plan: demo_file.Plan, ledger: Ledger) -> list[Mail]:
    """Everybody once, each with their own name and with what every mail must carry."""
    mails = [mail for mail in inbox.read_new() if mail.headers["List-Unsubscribe"]]
    got = Counter(address.lower() for mail in mails for address in mail.to)
    print(f"\nWhat the catcher really got: {len(mails):,} mails")
    ledger.check("people without a mail", len(plan.expected - plan.refused - set(got)), 0)
    ledger.check("people with two", sum(1 for n in got.values() if n > 1), 0)
    ledger.check("people who should have none", len(set(got) - plan.expected), 0)
    faults: Counter[str] = Counter()
    for mail in mails:
        faults.update(mail.faults(plan.people.get(mail.address)))
    ledger.check("mails that lack something", dict(faults), {})
    return sorted(mails, key=lambda mail: mail.address)


def read_them(mails: list[Mail], plan: demo_file.Plan) -> Counter[str]:
    """Open and click as people and as machines do; returns what was really done."""
    made: Counter[str] = Counter()
    openers = mails[:OPENERS]
    for place, mail in enumerate(openers):
        agent = BROWSERS[place % len(BROWSERS)]
        for _ in range(2 if place < TWICE else 1):
            web("GET", mail.beacon, agent=agent)
            made["opens"] += 1
    made["open people"] = len(openers)
    for place, mail in enumerate(mails[:CLICKERS]):
        url = mail.links[place % len(mail.links)]
        answer = web("GET", url, agent=BROWSERS[place % len(BROWSERS)])
        made["clicks"] += 1
        made[f"click {answer.location}"] += 1
    made["click people"] = CLICKERS
    scanned = mails[OPENERS : OPENERS + SCANNED]
    for mail in scanned:
        web("GET", mail.beacon, agent=SCANNER)
        web("GET", mail.links[0], agent=SCANNER)
        # A scanner follows the way out, too. Nobody leaves by that.
        web("GET", mail.unsubscribe, agent=SCANNER)
        made["machine opens"] += 1
        made["machine clicks"] += 1
    for mail in mails[OPENERS + SCANNED : OPENERS + SCANNED + BURSTS]:
        # One that pretends to be a browser gives itself away by its haste.
        for url in mail.links:
            web("GET", url, agent=BROWSERS[0])
            made["machine clicks"] += 1
    return made


def leave(
    server: LeaderSend, mails: list[Mail], plan: demo_file.Plan, made: Counter[str]
) -> set[str]:
    """By one click, by the page's button and by mail."""
    leavers = mails[-(ONE_CLICK + BY_PAGE + BY_MAIL) :]
    for mail in leavers[:ONE_CLICK]:
        web("POST", mail.unsubscribe, form={"List-Unsubscribe": "One-Click"})
    for mail in leavers[ONE_CLICK : ONE_CLICK + BY_PAGE]:
        page = web("GET", mail.visible_unsubscribe, agent=BROWSERS[0])
        web("POST", page.form_action(), agent=BROWSERS[0], form=page.form_fields())
    for mail in leavers[ONE_CLICK + BY_PAGE :]:
        server.deliver(mail.address, mail.unsubscribe_address)
    made["left"] = len(leavers)
    return {mail.address for mail in leavers}


def show_report(api: Api, campaign: int, made: Counter[str], ledger: Ledger) -> None:
    """The numbers follow within two seconds; mails that ask to leave may take a little more."""
    report = api.wait(
        f"/campaigns/{campaign}/report",
        lambda row: row["unsubscribes"] >= made["left"]
        and row["clicks"]["human"] + row["clicks"]["machine"]
        >= made["clicks"] + made["machine clicks"],
        seconds=10,
    )  # fmt: skip
    opens, clicks = report["opens"], report["clicks"]
    print("\nReport")
    ledger.check("opens by people", opens["human"], made["opens"])
    ledger.check("people who opened", opens["people"], made["open people"])
    ledger.check("opens by machines", opens["machine"], made["machine opens"])
    ledger.check("clicks by people", clicks["human"], made["clicks"])
    ledger.check("people who clicked", clicks["people"], made["click people"])
    ledger.check("clicks by machines", clicks["machine"], made["machine clicks"])
    for link in clicks["links"]:
        ledger.check(f"… {link['url']}", link["human"], made[f"click {link['url']}"])
    ledger.check("left", report["unsubscribes"], made["left"])
    ledger.check("complaints", report["complaints"], 0)
    ledger.check("bounces", report["bounces"], {"hard": 0, "soft": 0})


def send_again(
    api: Api, list_id: int, inbox: Inbox, plan: demo_file.Plan, leavers: set[str], ledger: Ledger
) -> None:
    """The next campaign reaches all but those who left."""
    campaign = api.post("/campaigns", {
        "name": "Summer", "subject": "Summer", "from_name": "Corner Bakery",
        "from_email": "news@bakery.example", "markdown": "It is summer.", "lists": [list_id],
        "tracking": "none",
    })["id"]  # fmt: skip
    api.post(f"/campaigns/{campaign}/send", {})
    api.wait(f"/campaigns/{campaign}", lambda row: row["state"] == "sent", seconds=240)
    receipt = api.get(f"/campaigns/{campaign}/receipt")
    got = {mail.address for mail in inbox.read_new()}
    print("\nThe next campaign")
    stayed = plan.expected - plan.refused - leavers
    ledger.check("sent", receipt["sent"], len(stayed))
    ledger.check("went to exactly those who stayed", got == stayed, True)


if __name__ == "__main__":
    sys.exit(main())
