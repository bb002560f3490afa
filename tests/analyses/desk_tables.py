"""Small tables for the analyses of the desk, in days since one midnight."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from loyaltylab.analyses.study_data import StudyData

MIDNIGHT = pd.Timestamp("2024-01-01", tz="UTC").as_unit("us")


def at(days: list[float]) -> pd.Series:
    return MIDNIGHT + pd.Series(pd.to_timedelta(days, unit="D"))


def study_of(**tables: pd.DataFrame) -> StudyData:
    """Customers a and b left on days 100 and 200, c is still there on day 500, the last."""
    lives = pd.DataFrame(
        {"customer_id": list("abc"), "stop_at": at([100, 200, 500]), "event": [True, True, False]}
    )
    return StudyData(tables, lives, lives, MIDNIGHT, MIDNIGHT + pd.Timedelta(days=500))


def requests() -> pd.DataFrame:
    """All asked on day 0; a and c met the desk."""
    return pd.DataFrame(
        {
            "customer_id": list("abc"),
            "index_at": at([0, 0, 0]),
            "stop": [100.0, 200.0, 500.0],
            "event": [True, True, False],
            "desk": ["reactive", "none", "reactive"],
        }
    )


def offers() -> pd.DataFrame:
    """a took one on day 10, b was offered one, c took a letter's."""
    return pd.DataFrame(
        {
            "customer_id": list("abc"),
            "offered_at": at([10, 10, 10]),
            "ends_at": at([70, 70, 70]),
            "kind": ["save", "save", "win_back"],
            "is_accepted": pd.array([True, None, True], dtype="boolean"),
        }
    )


def contracts() -> pd.DataFrame:
    """Everybody's first one, and a's return on day 150."""
    return pd.DataFrame({"customer_id": list("abca"), "started_at": at([-9, -9, -9, 150])})


def twice(frame: pd.DataFrame) -> pd.DataFrame:
    """Everybody with a double: errors need two customers in each group."""
    double = frame.assign(customer_id=frame["customer_id"] + "2")
    return pd.concat([frame, double], ignore_index=True)


def study_of_doubles(**tables: pd.DataFrame) -> StudyData:
    """The same study with everybody's double."""
    study = study_of(**{name: twice(table) for name, table in tables.items()})
    return replace(study, lives=twice(study.lives), rows=twice(study.rows))
