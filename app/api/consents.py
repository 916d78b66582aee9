"""What the API takes about erasing; what it answers about consents is contacts.evidence.Evidence.

No postponed annotations here: TypedDict must see NotRequired to know what may be left out.
"""

from typing import Annotated, Literal, NotRequired, TypedDict


class EraseQuery(TypedDict):
    """How to erase somebody."""

    keep_out: NotRequired[
        Annotated[
            Literal["yes", "no"],
            {"description": "yes: a keyed hash keeps the address out of later imports."},
        ]
    ]
