"""Hazard ratios of several covariates, as estimates."""

from __future__ import annotations

from loyaltylab.survival import CoxFit, Estimate


def hazard_ratios(fit: CoxFit) -> dict[str, Estimate]:
    """Every hazard ratio of a Cox fit, by covariate.

    Returns
    -------
    dict of str to Estimate
        Ratios with intervals; standard errors on the log scale.
    """
    return {
        str(name): Estimate(
            value=float(line["hazard_ratio"]),
            standard_error=float(line["standard_error"]),
            ci_lower=float(line["ci_lower"]),
            ci_upper=float(line["ci_upper"]),
            confidence_level=fit.confidence_level,
            n=fit.n_clusters,
            n_events=fit.n_events,
            unit="ratio",
            method="Cox, Efron ties"
            + (", errors clustered by customer" if fit.is_clustered else "")
            + "; standard error on the log scale",
            p_value=float(line["p_value"]),
            caveats=fit.caveats,
        )
        for name, line in fit.to_frame().iterrows()
    }
