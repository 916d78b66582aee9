"""Check a file of evidence of consent, without LeaderSend and without its key.

python tools/verify_evidence.py consent-7.json [--head HASH]

Needs nothing but Python. Says for each entry whether what is shown as agreed to is what was
recorded, and whether it is under the seal that the file names; exits with 1 where not. That the
seal is in the sender's chain is for the operator to confirm (`leadersend consent verify
--known-head`), or for a hash that was noted on another day: --head takes one.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any


def main() -> int:
    """0 when everything holds."""
    parser = argparse.ArgumentParser(description="Check a file of evidence of consent.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--head", help="hash of a seal that was noted elsewhere")
    options = parser.parse_args()
    found = json.loads(options.file.read_text())
    wrong = 0
    for entry in found["entries"]:
        problem = wrong_with(entry)
        wrong += bool(problem)
        sys.stdout.write(f"entry {entry['entry']}: {problem or 'as it was recorded and sealed'}\n")
    seals = {entry["proof"]["seal"]["hash"] for entry in found["entries"] if entry["proof"]}
    if options.head and options.head not in seals | {found["head"]}:
        sys.stdout.write("the hash that was noted is not in this file; ask for the chain\n")
        wrong += 1
    return 1 if wrong else 0


def wrong_with(entry: dict[str, Any]) -> str:
    """What does not hold; empty where everything does."""
    proof = entry["proof"]
    if proof is None:
        return "not sealed yet"
    personal = json.loads(proof["personal"])
    public = json.loads(proof["public"])
    evidence = dict(personal.get("evidence", {}))
    said = {
        "address": personal.get("address", ""), "wording": personal.get("wording", ""),
        "list": evidence.pop("list", entry["list"]), "details": evidence, "at": public["at"],
        "kind": public["kind"], "source": public["source"], "entry": public["id"],
    }  # fmt: skip
    for name, value in said.items():
        if entry[name] != value:
            return f"{name} is not what was recorded"
    if sha256(f"{proof['salt']}\n{proof['personal']}".encode()) != proof["personal_digest"]:
        return "what is personal is not what was sealed"
    node = leaf(f"{proof['public']}\n{proof['personal_digest']}")
    if node.hex() != proof["leaf"]:
        return "the hash of the entry is another one"
    for step in proof["path"]:
        other = bytes.fromhex(step["hash"])
        both = other + node if step["side"] == "left" else node + other
        node = hashlib.sha256(b"\x01" + both).digest()
    seal = dict(proof["seal"])
    if node.hex() != seal["root"]:
        return "it is not under the seal"
    sealed_as = seal.pop("hash")
    text = json.dumps(seal, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "" if sha256(text.encode()) == sealed_as else "the seal was altered"


def leaf(text: str) -> bytes:
    """RFC 9162, 2.1.1."""
    return hashlib.sha256(b"\x00" + text.encode()).digest()


def sha256(raw: bytes) -> str:
    """Hex."""
    return hashlib.sha256(raw).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
