"""The delivered tables are valid, whole, in causal order, and the same on every run."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loyaltylab.params import SyntheticParameters
from loyaltylab.sources.synthetic import simulate_provider
from loyaltylab.sources.synthetic.frames import EVENT_TIMES, hash_frames
from loyaltylab.tables.delivery import Delivery
from loyaltylab.tables.schemas import ATTRIBUTE_PREFIX, TABLES

REFERENCES = {
    "customer_id": "customers",
    "neighbour_id": "customers",
    "contract_id": "contracts",
    "incident_id": "incidents",
    "compensation_id": "compensations",
}
OWN_KEY = {
    "customers": "customer_id",
    "contracts": "contract_id",
    "incidents": "incident_id",
    "compensations": "compensation_id",
}
# What a customer or the provider does to a customer can only happen during a contract.
SERVED_EVENTS = {
    **{table: [at] for table, at in EVENT_TIMES.items() if table != "exits"},
    "contacts": ["opened_at", "first_replied_at", "resolved_at"],
    "requests": ["requested_at", "decided_at"],
    "vouchers": ["issued_at", "redeemed_at", "refunded_at"],
}
# Sent to those who left.
AFTER_LEAVING = ("win_back_offer", "mailing", "win_back")


def check_schemas(delivery: Delivery) -> None:
    assert list(delivery.frames) == list(TABLES)
    for name, table in TABLES.items():
        frame = delivery.frames[name]
        table.schema.validate(frame, lazy=True)
        assert frame.index.tolist() == list(range(1, len(frame) + 1))


def check_references(frames: dict[str, pd.DataFrame]) -> None:
    for name, frame in frames.items():
        for column, target in REFERENCES.items():
            if column in frame and name != target:
                known = frames[target][OWN_KEY[target]]
                assert frame[column].isin(known).all(), f"{name}.{column}"


def check_conservation(frames: dict[str, pd.DataFrame]) -> None:
    """Each ended contract has one exit with the same date; contracts never overlap."""
    contracts, exits = frames["contracts"], frames["exits"]
    ended = contracts[contracts["ended_at"].notna()].set_index("contract_id")
    assert sorted(ended.index) == sorted(exits["contract_id"])
    dates = exits.set_index("contract_id").loc[ended.index]
    assert (dates["service_end_at"] == ended["ended_at"]).all()
    assert (dates["customer_id"] == ended["customer_id"]).all()
    assert (ended["ended_at"] > ended["started_at"]).all()
    by_customer = contracts.sort_values(["customer_id", "started_at"], kind="stable")
    earlier_end = by_customer.groupby("customer_id")["ended_at"].shift()
    is_later = by_customer["customer_id"].duplicated()
    assert (by_customer["started_at"] > earlier_end)[is_later].all()


def count_unserved(frames: dict[str, pd.DataFrame], table: str, at: str) -> int:
    """Events dated outside every contract of their customer."""
    events = frames[table]
    if table in ("outreach", "offers"):
        events = events[~events["kind"].isin(AFTER_LEAVING)]
    events = events.loc[events[at].notna(), ["customer_id", at]].reset_index()
    contracts = frames["contracts"][["customer_id", "started_at", "ended_at"]]
    pairs = events.merge(contracts, on="customer_id", how="left")
    is_open = pairs["ended_at"].isna() | (pairs[at] <= pairs["ended_at"])
    served = (pairs["started_at"] <= pairs[at]) & is_open
    return int((~served.groupby(pairs["index"]).any()).sum())


def test_every_table_is_valid_without_change(provider: Delivery) -> None:
    check_schemas(provider)
    assert all(len(frame) > 0 for frame in provider.frames.values())
    assert provider.files == {name: f"synthetic:{name}" for name in TABLES}


def test_references_point_to_rows(provider: Delivery) -> None:
    check_references(dict(provider.frames))


def test_contracts_and_exits_agree(provider: Delivery) -> None:
    check_conservation(dict(provider.frames))


@pytest.mark.parametrize(
    ("table", "at"), [(table, at) for table, columns in SERVED_EVENTS.items() for at in columns]
)
def test_nothing_happens_outside_a_contract(provider: Delivery, table: str, at: str) -> None:
    assert count_unserved(dict(provider.frames), table, at) == 0


def test_count_unserved_sees_an_event_after_the_end(provider: Delivery) -> None:
    late = (
        provider.frames["exits"]
        .head(1)
        .assign(service_end_at=lambda exits: exits["service_end_at"] + pd.Timedelta("1us"))
    )
    frames = {"contracts": provider.frames["contracts"], "exits": late}
    assert count_unserved(frames, "exits", "service_end_at") == 1


def test_nothing_is_dated_outside_the_window(provider: Delivery) -> None:
    start, end = provider.description.window_start_at, provider.description.window_end_at
    for table, at in EVENT_TIMES.items():
        assert provider.frames[table][at].between(start, end, inclusive="left").all(), table
    for table, at in (
        ("contracts", "started_at"),
        ("contracts", "ended_at"),
        ("contacts", "resolved_at"),
        ("requests", "decided_at"),
        ("vouchers", "redeemed_at"),
    ):
        assert (provider.frames[table][at].dropna() < end).all(), f"{table}.{at}"


def test_stock_is_observed_from_the_window_start(provider: Delivery) -> None:
    window_start = provider.description.window_start_at
    first = provider.frames["contracts"].groupby("customer_id")["started_at"].min()
    customers = provider.frames["customers"].set_index("customer_id")
    observed = customers["observed_from_at"]
    is_stock = first.loc[customers.index] < window_start
    assert 0.45 < is_stock.mean() < 0.55  # half, within three standard errors
    assert (observed[is_stock] == window_start).all()
    assert (observed[~is_stock] == first.loc[customers.index][~is_stock]).all()
    assert (window_start - first.min()).days <= 48 * 30.4375
    ended = provider.frames["contracts"]["ended_at"].dropna()
    assert (ended >= window_start).all()  # no leaver of the past is in the tables


def test_latent_traits_are_not_delivered(provider: Delivery) -> None:
    columns = set(provider.frames["customers"])
    assert columns == {"customer_id", "observed_from_at", "segment", "site", "direct_debits"}
    assert not any(name.startswith(ATTRIBUTE_PREFIX) for name in columns)


def test_service_runs_in_causal_order(provider: Delivery) -> None:
    contacts, requests = provider.frames["contacts"], provider.frames["requests"]
    by_bot = contacts["channel"] == "bot"
    assert contacts.loc[by_bot, "first_replied_at"].isna().all()
    assert contacts.loc[by_bot, "resolved_at"].notna().all()  # solved or not, it says so
    contacts = contacts[~by_bot]
    assert (contacts["opened_at"] <= contacts["first_replied_at"]).all()
    waited = (contacts["first_replied_at"] - contacts["opened_at"]).dt.total_seconds() / 60
    assert (waited - contacts["wait_minutes"]).abs().max() < 1e-6
    solved = contacts[contacts["resolved_at"].notna()]
    assert (solved["first_replied_at"] < solved["resolved_at"]).all()
    promised = contacts[contacts["promise_due_at"].notna()]
    assert (promised["promise_due_at"] > promised["first_replied_at"]).all()
    assert contacts["is_promise_kept"].notna()[contacts["promise_due_at"].isna()].sum() == 0
    assert (requests["requested_at"] < requests["decided_at"]).all()
    is_denied = requests["outcome"].str.startswith("denied")
    assert (requests["denial_reason"].notna() == is_denied).all()


def test_remedies_run_in_causal_order(provider: Delivery) -> None:
    frames = provider.frames
    offers = frames["compensations"].merge(frames["incidents"], on="incident_id")
    assert (offers["customer_id_x"] == offers["customer_id_y"]).all()
    assert (offers["kind"] == "provider_cancelled").all()
    assert (offers["offered_at"] > offers["occurred_at"]).all()
    vouchers = frames["vouchers"].merge(frames["compensations"], on="compensation_id")
    assert (vouchers["received"] == "voucher").all()
    assert len(vouchers) == (frames["compensations"]["received"] == "voucher").sum()
    used = vouchers[vouchers["redeemed_at"].notna()]
    assert len(used) > 0
    assert (used["redeemed_at"] > used["issued_at"]).all()
    assert (used["redeemed_at"] < used["expires_at"]).all()


def test_attempts_run_in_causal_order(provider: Delivery) -> None:
    journey = provider.frames["cancellation_journey"]
    steps = journey.sort_values(["attempt_id", "step_number"], kind="stable")
    by_attempt = steps.groupby("attempt_id")
    assert (by_attempt["step_number"].diff().dropna() == 1).all()
    assert (by_attempt["step_number"].min() == 1).all()
    assert (by_attempt["stepped_at"].diff().dropna() > pd.Timedelta(0)).all()
    assert (by_attempt["customer_id"].nunique() == 1).all()
    assert (steps["is_abandoned"] == (steps["step"] == "abandoned")).all()
    last = by_attempt["step"].last()
    assert set(last) == {"abandoned", "requested", "desk"}
    met_desk = set(steps.loc[steps["step"] == "desk", "attempt_id"])
    routed = steps[(steps["step"] == "requested") & (steps["desk"] == "reactive")]
    assert met_desk == set(routed["attempt_id"])


def test_requested_ends_respect_notice_and_first_term(provider: Delivery) -> None:
    exits = provider.frames["exits"].merge(provider.frames["contracts"], on="contract_id")
    voluntary = exits[exits["cause_verified"].isin(["service", "price_competitor"])]
    lapsed = voluntary["cause_stated"] == "payment_failure"
    assert voluntary.loc[lapsed, "requested_at"].isna().all()
    assert 0 < lapsed.sum() < len(voluntary) / 2
    voluntary = voluntary[~lapsed]
    assert voluntary["requested_at"].notna().all()
    notice = voluntary["service_end_at"] - voluntary["requested_at"]
    assert notice.min() >= pd.Timedelta(days=30)
    assert (voluntary["service_end_at"] >= voluntary["term_ends_at"]).all()
    asked = provider.frames["cancellation_journey"].query("step == 'requested'")
    observed = exits[exits["requested_at"] >= provider.description.window_start_at]
    matched = observed.merge(
        asked, left_on=["customer_id_x", "requested_at"], right_on=["customer_id", "stepped_at"]
    )
    assert len(matched) == len(observed)


def test_links_are_mutual_and_within_a_site(provider: Delivery) -> None:
    links = provider.frames["links"]
    pairs = set(zip(links["customer_id"], links["neighbour_id"], strict=True))
    assert all((other, one) in pairs for one, other in pairs)
    site = provider.frames["customers"].set_index("customer_id")["site"]
    assert (links["customer_id"].map(site) == links["neighbour_id"].map(site)).all()
    assert (links["customer_id"] != links["neighbour_id"]).all()


def test_same_seed_same_bytes_and_another_seed_differs() -> None:
    small = SyntheticParameters(n_customers=60, window_end=date(2018, 7, 1))
    one, again = simulate_provider(small, seed=3), simulate_provider(small, seed=3)
    other = simulate_provider(small, seed=4)
    assert one.description == again.description
    for name in TABLES:
        pd.testing.assert_frame_equal(one.frames[name], again.frames[name])
    assert one.description.data_hash != other.description.data_hash


def test_hash_notices_one_changed_cell(provider: Delivery) -> None:
    frames = dict(provider.frames)
    assert hash_frames(frames) == provider.description.data_hash
    contracts = frames["contracts"].copy()
    contracts.loc[1, "price_eur"] = contracts.loc[1, "price_eur"] + 0.01
    assert hash_frames({**frames, "contracts": contracts}) != provider.description.data_hash


@given(
    seed=st.integers(0, 2**70),
    n_customers=st.integers(50, 130),
    n_days=st.integers(1, 240),
    hazard=st.floats(0, 1),
    friction=st.floats(0, 1),
    term=st.sampled_from([0.0, 1.0, 12.0]),
)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_provider_delivers_whole_tables(
    seed: int, n_customers: int, n_days: int, hazard: float, friction: float, term: float
) -> None:
    window_end = date.fromordinal(date(2020, 1, 1).toordinal() + n_days)
    odd = SyntheticParameters(
        n_customers=n_customers,
        window_start=date(2020, 1, 1),
        window_end=window_end,
        exit_hazard_service_pm=hazard,
        exit_hazard_payment_pm=hazard / 2,
        friction_pre=friction,
        first_term_months=term,
        winback_rate_pm=0.5,
        voucher_is_refunded=seed % 2 == 0,
        voucher_valid_d=20,
    )
    delivery = simulate_provider(odd, seed=seed)
    check_schemas(delivery)
    check_references(dict(delivery.frames))
    check_conservation(dict(delivery.frames))
    for table, columns in SERVED_EVENTS.items():
        for at in columns:
            assert count_unserved(dict(delivery.frames), table, at) == 0, f"{table}.{at}"
