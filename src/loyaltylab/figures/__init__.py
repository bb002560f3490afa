"""One look for every picture: numbers at risk, colour-blind safe, with words and numbers beside."""

from loyaltylab.figures.causal_diagram import causal_diagram
from loyaltylab.figures.figure import Figure, FigureError
from loyaltylab.figures.forest import estimates_forest
from loyaltylab.figures.incidence import cumulative_incidence_curves
from loyaltylab.figures.periods import hazard_by_period
from loyaltylab.figures.rates import rates_over_time
from loyaltylab.figures.retention import retention_curves
from loyaltylab.figures.time_axis import choose_tick_times

__all__ = [
    "Figure",
    "FigureError",
    "causal_diagram",
    "choose_tick_times",
    "cumulative_incidence_curves",
    "estimates_forest",
    "hazard_by_period",
    "rates_over_time",
    "retention_curves",
]
