# Retention curves, restricted means and quantiles by R survival; writes curves.json.
# Run: Rscript tests/oracles/curves.R   (R 4.2.2, survival 3.5-3)
library(survival)
library(jsonlite)

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1]))

set.seed(20240229)
n <- 240
ticks <- data.frame(
  start = ifelse(runif(n) < 0.5, 0, floor(runif(n, 0, 12))), # half enter late
  cluster = rep(seq_len(n / 3), each = 3),                   # three customers per household
  weight = round(runif(n, 0.2, 3), 3)
)
frailty <- rep(rgamma(n / 3, 2, 2), each = 3)
ticks$stop <- ticks$start + 1 + floor(rexp(n, frailty / 12)) # whole days: heavy ties
ticks$event <- as.integer(runif(n) < 0.7)

curve <- function(fit, times) {
  at <- summary(fit, times = times)
  q <- quantile(fit, probs = c(0.25, 0.5))
  list(
    time = fit$time, n_at_risk = fit$n.risk, n_events = fit$n.event, retention = fit$surv,
    standard_error = if (fit$logse) fit$surv * fit$std.err else fit$std.err,
    ci_lower = fit$lower, ci_upper = fit$upper,
    at_times = times, at_n_at_risk = at$n.risk, at_retention = at$surv, at_standard_error = at$std.err,
    quantile = q$quantile, quantile_lower = q$lower, quantile_upper = q$upper
  )
}
# R's printed se(rmean) is Greenwood's even when the curve is robust, so the robust one is the
# root of the summed squares of the residuals, collapsed within clusters.
rmean_greenwood <- function(fit, horizon) {
  unname(summary(fit, rmean = horizon)$table[c("rmean", "se(rmean)")])
}
rmean_robust <- function(fit, horizon, unit) {
  r <- c(residuals(fit, times = horizon, type = "rmst", weighted = TRUE))
  if (length(r) == length(unit)) r <- rowsum(r, unit) # else R has collapsed them already
  stopifnot(length(r) == length(unique(unit)))
  c(unname(summary(fit, rmean = horizon)$table["rmean"]), sqrt(sum(r^2)))
}

kinds <- list()
y <- with(ticks, Surv(start, stop, event))
rows <- seq_len(n)
fit <- survfit(y ~ 1, conf.type = "log-log")
kinds$ticks_plain <- c(curve(fit, c(0, 1, 5, 9.5, 20)), list(horizon = 20, rmean = rmean_greenwood(fit, 20)))
fit <- survfit(y ~ 1, weights = ticks$weight, id = rows, conf.type = "log-log")
kinds$ticks_weighted <- c(curve(fit, c(0, 1, 5, 9.5, 20)), list(horizon = 20, rmean = rmean_robust(fit, 20, rows)))
fit <- survfit(y ~ 1, cluster = ticks$cluster, id = rows, conf.type = "log-log")
kinds$ticks_clustered <- c(curve(fit, c(0, 1, 5, 9.5, 20)), list(horizon = 20, rmean = rmean_robust(fit, 20, ticks$cluster)))
fit <- survfit(y ~ 1, weights = ticks$weight, cluster = ticks$cluster, id = rows, conf.type = "log-log")
kinds$ticks_weighted_clustered <- c(curve(fit, c(0, 1, 5, 9.5, 20)), list(horizon = 20, rmean = rmean_robust(fit, 20, ticks$cluster)))

# Split rows: 69 of 103 patients change from waiting to transplanted, so have two rows.
fit <- survfit(Surv(start, stop, event) ~ 1, data = heart, id = id, cluster = id, conf.type = "log-log")
kinds$heart_clustered <- c(curve(fit, c(0, 30, 100, 365)), list(horizon = 365, rmean = rmean_robust(fit, 365, heart$id)))

arms <- list()
for (arm in 1:2) {
  fit <- survfit(Surv(time, status) ~ 1, data = veteran, subset = trt == arm, conf.type = "log-log")
  arms[[arm]] <- c(curve(fit, c(0, 30, 90, 180)), list(horizon = 180, rmean = rmean_greenwood(fit, 180)))
}

write_json(
  list(
    survival = as.character(packageVersion("survival")), ticks = ticks, kinds = kinds,
    heart = heart[c("start", "stop", "event", "id")],
    veteran = veteran[c("time", "status", "trt")], arms = arms
  ),
  file.path(here, "curves.json"), digits = I(17), na = "null", auto_unbox = TRUE, dataframe = "columns"
)
