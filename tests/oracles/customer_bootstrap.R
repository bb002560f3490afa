# BCa limits by boot; writes customer_bootstrap.json.
# Run: Rscript tests/oracles/customer_bootstrap.R   (R 4.2.2, boot 1.3-28, survival 3.5-3)
library(boot)
library(survival)
library(jsonlite)

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1]))
RNGkind("Mersenne-Twister", "Inversion", "Rejection")
set.seed(7)

# Mean survival of the veterans, a skewed number; weights of the patients as in a bootstrap.
x <- veteran$time
weighted <- function(d, w) sum(d * w) / sum(w)
b <- boot(x, weighted, R = 999, stype = "w")
influence <- empinf(b, type = "jack", stype = "w", statistic = weighted, data = x)
limits <- boot.ci(b, type = c("perc", "bca"), L = influence)
write_json(
  list(
    x = x, value = b$t0, replicates = as.numeric(b$t), standard_error = sd(b$t),
    percentile = limits$percent[4:5], bca = limits$bca[4:5],
    acceleration = sum(influence^3) / (6 * sum(influence^2)^1.5)
  ),
  file.path(here, "customer_bootstrap.json"), digits = I(17), auto_unbox = TRUE
)
