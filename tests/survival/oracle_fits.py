"""The Cox models of cox.R: data set, (start, stop, event) columns, and roles of other columns."""

from __future__ import annotations

from loyaltylab.survival import fit_cox

FITS = {
    "heart": ("heart", ["start", "stop", "event"], {"cluster": "id"}),
    "heart_naive": ("heart", ["start", "stop", "event"], {}),
    "bladder": ("bladder", ["start", "stop", "event"], {"cluster": "id", "strata": "enum"}),
    "cgd": ("cgd", ["tstart", "tstop", "status"], {"cluster": "id"}),
    "veteran": ("veteran", ["zero", "time", "status"], {}),
    "ticks": ("ticks", ["start", "stop", "event"], {}),
    "ticks_clustered": ("ticks", ["start", "stop", "event"], {"cluster": "cluster"}),
    "ticks_weighted": ("ticks", ["start", "stop", "event"], {"weights": "weight"}),
    "ticks_all": (
        "ticks",
        ["start", "stop", "event"],
        {"weights": "weight", "cluster": "cluster", "strata": "plan"},
    ),
}


def fit_as_r_did(oracle, name):
    data, triple, roles = FITS[name]
    rows = oracle.frame(data).assign(zero=0.0)
    columns = {role: rows[column] for role, column in roles.items()}
    covariates = rows[oracle.value("fits", name, "names")]
    return fit_cox(*(rows[column] for column in triple), covariates, **columns)
