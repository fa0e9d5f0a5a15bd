"""Parties 当事人: the people of cases, and what of a case's texts is covered because of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import pandas as pd

from data import masking
from data.editions.edition import Edition
from data.retention import forgotten

VICTIM = "victim"
COVERS = {  # a field of a party -> how it is covered
    "name": masking.name,
    "phone": masking.phone,
    "id_number": masking.id_number,
    "address": masking.address,
}
# Numbered within the case, 1.. in the order of the source: by this number a value is asked for.
OF_CASES = """
SELECT case_code, row_number() OVER (
           PARTITION BY case_code, withdrawn_at IS NULL
           ORDER BY seq NULLS LAST, source, source_key, party_code
       ) AS number, role, name, phone, id_number, address, coalesce(is_minor, false) AS is_minor,
       person_key, withdrawn_at IS NOT NULL AS is_withdrawn
FROM parties
WHERE case_code IN (SELECT unnest($codes))
ORDER BY case_code, number
"""


@dataclass(frozen=True)
class Party:
    """One party of a case, in clear. `role` is a code of codes/party_role.csv."""

    number: int
    role: str | None
    name: str | None = None
    phone: str | None = None
    id_number: str | None = None
    address: str | None = None
    is_minor: bool = False
    person_key: str | None = None

    def is_hidden(self, on: date) -> bool:
        """Whether nothing may be told of the party: a victim, or a child on that day."""
        is_child = self.is_minor or masking.is_minor(self.id_number, on)
        return is_child or self.role == VICTIM

    def shown(self, field: str, on: date) -> str | None:
        """A value of COVERS as who may not see it in clear is told it."""
        value = getattr(self, field)
        if not value:
            return None
        return masking.COVERED if self.is_hidden(on) else COVERS[field](value)


@dataclass(frozen=True)
class People:
    """The parties of one case, as they stood on the day when it was reported; `withdrawn` ones are
    shown no more, but the case's texts may name them still."""

    parties: tuple[Party, ...] = ()
    on: date = date.max
    withdrawn: tuple[Party, ...] = ()

    def masked(self, text: str, places: Iterable[str] = ()) -> str:
        """A text of the case without what identifies them; `places` are its other addresses."""
        named = (*self.parties, *self.withdrawn)
        return masking.text(
            text,
            names=[p.name for p in named if not p.is_hidden(self.on)],
            hidden=[p.name for p in named if p.is_hidden(self.on)],
            numbers=[number for p in named for number in (p.phone, p.id_number)],
            addresses=[*(p.address for p in named), *places],
        )

    def masked_place(self, text: str) -> str:
        """An address of the case as far as its community, without their names."""
        return self.masked(masking.address(text))


def people_of(edition: Edition, cases: Sequence[tuple[str, datetime | None]]) -> dict[str, People]:
    """The parties of the cases (code, reported at) that have any, by code; of cases that are
    forgotten (data/retention.py) nothing but how many they are, and as what.

    Who asks has found the cases within a grant: nothing is checked here."""
    codes = [code for code, _ in cases]
    gone = forgotten(edition, codes)
    found: dict[str, tuple[list[Party], list[Party]]] = {}
    for code, *values, is_withdrawn in edition.rows(OF_CASES, {"codes": codes}) if codes else ():
        party = Party(*values)
        party = Party(party.number, party.role) if code in gone else party
        found.setdefault(code, ([], []))[is_withdrawn].append(party)
    on = {code: at.date() for code, at in cases if not pd.isna(at)}
    return {
        code: People(tuple(present), on.get(code, date.max), tuple(withdrawn))
        for code, (present, withdrawn) in found.items()
    }
