"""Differences in time lost by cause: by hand, against R survival, and what must hold."""

from __future__ import annotations

import numpy as np
import pytest

from loyaltylab.errors import EstimationError
from loyaltylab.survival import restricted_mean_retention_time, restricted_time_lost_differences

# Closed forms: only the order of additions differs from R's.
CLOSED_FORM = {"rtol": 1e-8, "atol": 1e-10}
BY_HAND = {"rtol": 1e-12, "atol": 1e-13}

STOP = [1, 2, 4, 2, 3, 4]
EXITS = ["price", "service", "", "service", "price", ""]
GROUP = ["a", "a", "a", "b", "b", "b"]


def compare(**changes):
    rows = {"start": [0] * 6, "stop": STOP, "exit_cause": EXITS, "group": GROUP} | changes
    return restricted_time_lost_differences(
        **rows, exposed="a", reference="b", horizon=4
    ).set_index("cause")


def test_by_hand() -> None:
    # Nobody is censored before 4, so times lost are plain means. To price: (3, 0, 0) against
    # (0, 1, 0), means 1 and 1/3. Variances sum (x - mean)^2 / 9: 6/9 and (2/3) / 9.
    found = compare()
    price = found.loc["price"]
    np.testing.assert_allclose(price["difference"], 2 / 3, **BY_HAND)
    np.testing.assert_allclose(price["standard_error"], np.sqrt(6 / 9 + 2 / 27), **BY_HAND)
    # To service both groups lose 2 days once; to any cause 5/3 and 1.
    np.testing.assert_allclose(found.loc["service", "difference"], 0.0, **BY_HAND)
    lost = found.loc["any cause", ["lost_exposed", "lost_reference"]].astype(float)
    np.testing.assert_allclose(lost, [5 / 3, 1], **BY_HAND)
    assert found["n_events_exposed"].tolist() == [1, 1, 2]


def test_equals_r_and_sums_to_the_restricted_mean(pseudo_oracle) -> None:
    rows = pseudo_oracle.frame("mgus")
    found = restricted_time_lost_differences(
        np.zeros(len(rows)),
        rows["months"],
        rows["exit"],
        rows["sex"],
        exposed="M",
        reference="F",
        horizon=120,
        unit="months",
    )
    lost = pseudo_oracle.numbers("lost")  # Columns F, M; lines death, pcm, then their errors.
    difference = np.append(lost[:2, 1] - lost[:2, 0], (lost[:2, 1] - lost[:2, 0]).sum())
    np.testing.assert_allclose(found["difference"], difference, **CLOSED_FORM)
    error = np.hypot(lost[2:, 0], lost[2:, 1])
    np.testing.assert_allclose(found["standard_error"][:2], error, **CLOSED_FORM)
    means = [
        restricted_mean_retention_time(
            np.zeros(len(own)), own["months"], own["exit"] != "", horizon=120, cluster=own.index
        )
        for _, own in rows.groupby("sex")
    ]
    total = found.iloc[-1]
    np.testing.assert_allclose(total["difference"], means[0].value - means[1].value, **CLOSED_FORM)
    np.testing.assert_allclose(
        total["standard_error"], np.hypot(*(m.standard_error for m in means)), **CLOSED_FORM
    )


def test_order_and_clusters_of_one_row_do_not_matter() -> None:
    plain = compare()
    turned = compare(stop=STOP[::-1], exit_cause=EXITS[::-1], group=GROUP[::-1])
    single = compare(cluster=list("uvwxyz"))
    for other in (turned, single):
        for name in ("difference", "standard_error", "p_value"):
            np.testing.assert_allclose(other[name], plain[name], **CLOSED_FORM)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"group": ["a"] * 6}, "group 'b' has no rows"),
        ({"group": ["a"] * 5}, "group has 5 values, stop has 6"),
        ({"cluster": [1, 2, 3, 1, 4, 5]}, "1 clusters are in both groups"),
        ({"exit_cause": ["price", "", "", "service", "price", ""]}, "no exit by 'service'"),
        ({"stop": [1, 2, 3, 2, 3, 4]}, "past the last follow-up 3"),
        ({"stop": [0, 2, 4, 2, 3, 4]}, "stop <= start"),
    ],
)
def test_what_cannot_be_compared_is_refused(changes, message) -> None:
    with pytest.raises(EstimationError, match=message):
        compare(**changes)
