"""Words by which files and columns are recognised, English and German."""

from __future__ import annotations

from types import MappingProxyType

# Table -> beginnings of words in the name of its file; the first table that fits is taken.
TABLE_WORDS = MappingProxyType(
    {
        "exits": ("exit", "cancel", "terminat", "churn", "kuendig", "kündig"),
        "contacts": ("contact", "ticket", "call", "case", "anruf", "kontakt"),
        "requests": ("request", "antr", "anfrage"),
        "vouchers": ("voucher", "gutschein"),
        "compensations": ("compensation", "refund", "entsch"),
        "incidents": ("incident", "outage", "failure", "stoer", "stör"),
        "surveys": ("survey", "umfrage"),
        "offers": ("offer", "angebot"),
        "contracts": ("contract", "subscription", "vertr", "membership"),
        "customers": ("customer", "client", "kunde", "member", "account", "user"),
    }
)
# Column of a table -> beginnings of words in the name of a column of the file, best first.
COLUMN_WORDS = MappingProxyType(
    {
        "customer_id": ("customer", "client", "kunde", "member", "account", "user", "cust"),
        "contract_id": ("contract", "subscription", "vertrag"),
        "contact_id": ("contact", "ticket", "case", "call"),
        "started_at": ("start", "sign", "join", "begin", "activ", "since", "from"),
        "ended_at": ("end", "cancel", "terminat", "left", "stop", "churn", "kuendig", "kündig"),
        "opened_at": ("open", "creat", "received", "start", "date"),
        "first_replied_at": ("repl", "respon", "answer", "antwort"),
        "resolved_at": ("resolv", "clos", "solved", "erledigt"),
        "service_end_at": ("end", "left", "effective", "date"),
        "requested_at": ("request", "asked", "notice", "creat"),
        "cause_stated": ("reason", "cause", "grund"),
        "cause_verified": ("verified",),
        "decided_at": ("decid", "answer"),
        "outcome": ("outcome", "result", "decision"),
        "segment": ("segment", "kundengruppe"),
        "site": ("site", "region", "branch", "filiale", "store"),
        "price_eur": ("price", "fee", "preis", "charge"),
        "notice_days": ("notice",),
        "term_ends_at": ("term", "commitment"),
        "signup_channel": ("channel", "kanal"),
        "channel": ("channel", "kanal", "medium"),
        "topic": ("topic", "category", "thema"),
        "handoffs": ("handoff", "transfer"),
        "reopens": ("reopen",),
        "wait_minutes": ("wait",),
        "amount_eur": ("amount", "value", "betrag"),
    }
)
ID_WORDS = ("id", "no", "nr", "number", "key", "nummer")
TENURE_WORDS = ("tenure", "months", "monate")
LEFT_WORDS = ("churn", "left", "cancel", "exited", "attrit", "gekuendigt", "gekündigt")
TOTAL_WORDS = ("total", "sum", "lifetime", "cumulat", "gesamt")
PERSONAL_WORDS = (
    *("name", "mail", "phone", "address", "street", "birth", "iban", "vorname", "strasse"),
    *("telefon", "mobil", "adresse", "geburt"),
)
