# Cumulative hazards and their errors by R survival; writes cumulative_hazards.json.
# Run: Rscript tests/oracles/cumulative_hazards.R   (R 4.2.2, survival 3.5-3)
library(survival)
library(jsonlite)

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1]))

set.seed(20240611)
n <- 180
ticks <- data.frame(
  start = ifelse(runif(n) < 0.5, 0, floor(runif(n, 0, 12))),
  cluster = rep(seq_len(n / 3), each = 3), person = seq_len(n),
  weight = round(runif(n, 0.2, 3), 3)
)
ticks$stop <- ticks$start + 1 + floor(rexp(n, rep(rgamma(n / 3, 2, 2), each = 3) / 12))
ticks$event <- as.integer(runif(n) < 0.7)

hazard <- function(fit) list(time = fit$time, cumulative_hazard = fit$cumhaz, standard_error = fit$std.chaz)
y <- with(ticks, Surv(start, stop, event))
kinds <- list(
  ticks_plain = hazard(survfit(y ~ 1, ctype = 1)),
  ticks_weighted = hazard(survfit(y ~ 1, ctype = 1, weights = ticks$weight, id = ticks$person)),
  ticks_clustered = hazard(survfit(y ~ 1, ctype = 1, cluster = ticks$cluster, id = ticks$person)),
  ticks_weighted_clustered = hazard(survfit(y ~ 1, ctype = 1, weights = ticks$weight,
                                            cluster = ticks$cluster, id = ticks$person)),
  # Repeated infections, several rows per patient.
  cgd_clustered = hazard(survfit(Surv(tstart, tstop, status) ~ 1, cgd, ctype = 1, id = id, cluster = id)),
  veteran = hazard(survfit(Surv(time, status) ~ 1, veteran, ctype = 1))
)
write_json(
  list(
    survival = as.character(packageVersion("survival")), ticks = ticks,
    cgd = cgd[c("tstart", "tstop", "status", "id")], veteran = veteran[c("time", "status")], kinds = kinds
  ),
  file.path(here, "cumulative_hazards.json"), digits = I(17), na = "null", auto_unbox = TRUE, dataframe = "columns"
)
