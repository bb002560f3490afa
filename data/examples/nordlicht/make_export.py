"""Write the export of Nordlicht, a provider that does not exist, as a CRM would: not tidy.

    python data/examples/nordlicht/make_export.py

Names, addresses and numbers are invented; who is refused leaves more often, by construction.
"""

from __future__ import annotations

import math
import sys
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

SEED, N_CUSTOMERS = 20_231_231, 600
FIRST, LAST = datetime(2021, 1, 1), datetime(2023, 12, 31)
FAMILY = ("Müller", "Böhm", "Jäger", "Petersen", "Özdemir", "Nowak", "Rossi", "Schröder")
CITIES = ("Köln", "Lübeck", "Münster")
REASONS = ("Service", "Preis", "Umzug", "")  # the last: nobody asked


def main(folder: Path) -> None:
    """Write three files: one in Latin-1, one with a byte-order mark, one with commas."""
    random = Random(SEED)
    customers = ["Kundennr;Name;E-Mail;Telefon;Region;Kunde seit;Status"]
    contracts = ["Vertrag;Kundennr;Beginn;Ende;Kündigungsgrund;Monatspreis"]
    tickets = ["ticket_id,customer,opened,first_reply,solved,topic,note"]
    number = 0
    for row in range(1, N_CUSTOMERS + 1):
        key = f"{row:07d}"
        start = FIRST - timedelta(days=700) + timedelta(days=int(1_500 * random.random()))
        is_served_well = random.random() < 0.5
        stay = -math.log(1 - random.random()) * (1_500 if is_served_well else 650)
        end = start + timedelta(days=30 + int(stay))
        has_left = end < LAST
        if has_left and end < FIRST:
            continue  # the CRM was filled in 2021; who had left was not copied
        name = FAMILY[int(len(FAMILY) * random.random())]
        mail = f"{name[0].lower()}.{row}@kunden.example.com"
        customers.append(
            f"{key};{name};{mail};+49 221 5550{row:04d};{CITIES[row % 3]};{start:%d.%m.%Y};"
            + ("ehemalig" if has_left else "aktiv")
        )
        price = f"{20 + int(30 * random.random())},{int(10 * random.random())}0 €"
        reason = REASONS[int(len(REASONS) * random.random())] if has_left else ""
        ended = f"{end:%d.%m.%Y}" if has_left else ""
        contracts.append(f"V{row:05d};{key};{start:%d.%m.%Y};{ended};{reason};{price}")
        if has_left and row % 9 == 0 and end + timedelta(days=90) < LAST:  # comes back
            again = end + timedelta(days=90)
            contracts.append(f"W{row:05d};{key};{again:%d.%m.%Y};;;{price}")
        day = max(start, FIRST) + timedelta(days=10 * random.random())
        while day < min(end, LAST):
            number += 1
            wait = 20 + 900 * random.random() * (1 if is_served_well else 4)
            reply = day + timedelta(minutes=wait)
            solved = reply + timedelta(minutes=60 + 2_000 * random.random())
            stamps = ",".join(f"{one:%Y-%m-%dT%H:%M:%S+01:00}" for one in (day, reply, solved))
            topic = ("bill", "outage", "move")[int(3 * random.random())]
            note = f'"Rückruf an {name}, {mail}"' if number % 5 else '"=HYPERLINK(""http://x"")"'
            tickets.append(f"{number},{key},{stamps},{topic},{note}")
            day += timedelta(days=30 + 300 * random.random())
    customers += customers[5:7]  # two lines twice
    first = contracts[10].split(";")
    first[3] = "01.01.2015"  # ends before it begins
    contracts[10] = ";".join(first)
    for extra in range(3):  # tickets of nobody
        at = "2022-05-01T10:00:00+01:00"
        tickets.append(f"{number + 1 + extra},9999{extra:03d},{at},{at},{at},bill,")
    for file, lines, encoding in (
        ("kunden.csv", customers, "latin-1"),
        ("vertraege.csv", contracts, "utf-8-sig"),
        ("tickets.csv", tickets, "utf-8"),
    ):
        (folder / file).write_text("\n".join(lines) + "\n", encoding=encoding, newline="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
