# One-way intraclass correlation by R's aov, with Searle's interval; writes reliability.json.
# Run: Rscript tests/oracles/reliability.R   (R 4.2.2, survival 3.5-3)
library(survival)
library(jsonlite)

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1]))

# Ages of patients within institutions of the lung cancer trial: units of unequal size.
d <- na.omit(lung[c("inst", "age")])
fit <- anova(aov(age ~ factor(inst), data = d))
sizes <- as.vector(table(d$inst))
k <- length(sizes)
n <- sum(sizes)
size <- (n - sum(sizes^2) / n) / (k - 1)
ratio <- fit[1, "F value"]
low <- ratio / qf(0.975, k - 1, n - k)
high <- ratio * qf(0.975, n - k, k - 1)
between <- (fit[1, "Mean Sq"] - fit[2, "Mean Sq"]) / size
write_json(
  list(survival = as.character(packageVersion("survival")), lung = d,
       icc = (ratio - 1) / (ratio + size - 1),
       ci_lower = (low - 1) / (low + size - 1), ci_upper = (high - 1) / (high + size - 1),
       variance_between = max(between, 0), variance_within = fit[2, "Mean Sq"],
       tickets_per_unit = size),
  file.path(here, "reliability.json"), digits = I(17), auto_unbox = TRUE, dataframe = "columns"
)
