"""What every page says about its data, before anything else."""

from __future__ import annotations

from importlib import metadata

from loyaltylab.params import Parameters
from loyaltylab.tables.delivery import SourceDescription


def write_banner(source: SourceDescription, parameters: Parameters) -> str:
    """Source and observation window in a sentence."""
    window = f"observed {source.window_start_at:%Y-%m-%d} to {source.window_end_at:%Y-%m-%d} (UTC)"
    if source.is_synthetic:
        return (
            f"Simulated by loyaltylab {metadata.version('loyaltylab')} "
            f"(preset {parameters.synthetic.preset}, seed {parameters.study.seed}, "
            f"{parameters.synthetic.n_customers:,} customers, "
            f"data {source.data_hash[:12]}); no real customers, findings are about methods. "
            f"{source.label[0].upper()}{source.label[1:]}, {window}."
        )
    return f"{source.label[0].upper()}{source.label[1:]}, {window}, data {source.data_hash[:12]}."
