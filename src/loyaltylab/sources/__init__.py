"""Where tables come from: each source turns what was delivered into a Delivery."""

from __future__ import annotations

from pathlib import Path

from loyaltylab.params import Parameters
from loyaltylab.tables.delivery import Delivery


def read_source(parameters: Parameters, *, root: Path) -> Delivery:
    """Read the source that params.yaml names.

    Parameters
    ----------
    parameters : Parameters
        The study's parameters.
    root : Path
        The study's folder.

    Returns
    -------
    Delivery

    Raises
    ------
    TableError
        If the files are not what the mapping says.
    """
    if parameters.source.kind == "synthetic":
        from loyaltylab.sources.synthetic import simulate_provider

        return simulate_provider(parameters.synthetic, seed=parameters.study.seed)
    from loyaltylab.sources.mapped import read_mapped

    assert parameters.source.mapping is not None  # the parameters' own check
    return read_mapped(root / parameters.source.mapping, root=root, kind=parameters.source.kind)
