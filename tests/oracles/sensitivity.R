# Adjusted p-values, delta-adjusted means and corrected incidences by R; writes sensitivity.json.
# Run: Rscript tests/oracles/sensitivity.R   (R 4.2.2, survival 3.5-3)
library(survival)
library(jsonlite)

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1]))

p <- c(0.001, 0.04, 0.03, 0.2, 0.03, 0.9, 0.012)
adjusted <- list(p = p, holm = p.adjust(p, "holm"), bh = p.adjust(p, "BH"))

# Mean time retained if the censored have delta times the hazard, customer by customer, by sex.
cut <- 600
delta_mean <- function(d, delta) {
  fit <- survfit(Surv(time, status == 2) ~ 1, d)
  curve <- stepfun(fit$time, c(1, fit$surv))
  mean(mapply(function(t, s) {
    if (s == 2 || t >= cut) return(min(t, cut))
    edges <- c(t, fit$time[fit$time > t & fit$time < cut], cut)
    from <- head(edges, -1)
    t + sum(diff(edges) * (curve(from) / curve(t))^delta)
  }, d$time, d$status))
}
deltas <- c(0.5, 1, 2, 5)
tipping <- list(
  time = lung$time, event = as.integer(lung$status == 2), sex = lung$sex, horizon = cut,
  deltas = deltas,
  men = sapply(deltas, function(x) delta_mean(lung[lung$sex == 1, ], x)),
  women = sapply(deltas, function(x) delta_mean(lung[lung$sex == 2, ], x))
)

# Progression and death in monoclonal gammopathy, if some are stated as the other.
m <- mgus2
m$etime <- with(m, ifelse(pstat == 0, futime, ptime))
m$cause <- factor(with(m, ifelse(pstat == 0, 2 * death, 1)), 0:2, c("", "progression", "death"))
at <- 120
fit <- survfit(Surv(etime, cause) ~ 1, m, id = seq_len(nrow(m)))
k <- max(which(fit$time <= at))
stated <- fit$pstate[k, 2:3]
# residuals() agrees with the error survfit prints; its influence.pstate differs in the 4th digit.
influence <- residuals(fit, times = at, type = "pstate")[, 2:3]
stopifnot(all.equal(sqrt(colSums(influence^2)), fit$std.err[k, 2:3], check.attributes = FALSE))
counts <- matrix(c(45, 5, 12, 138), 2) # columns: truly progression, truly death
sizes <- colSums(counts)
shares <- sweep(counts, 2, sizes, "/")
inverse <- solve(shares)
true <- as.vector(inverse %*% stated)
known <- inverse %*% crossprod(influence) %*% t(inverse)
inner <- crossprod(influence)
for (j in 1:2) {
  s <- shares[, j]
  inner <- inner + true[j]^2 * (diag(s) - s %o% s) / sizes[j]
}
misclassified <- list(
  time = m$etime, cause = as.character(m$cause), at = at, counts = counts, stated = stated,
  true = true, error_known = sqrt(diag(known)),
  error_estimated = sqrt(diag(inverse %*% inner %*% t(inverse)))
)

# E-values by the published formulas, hazard ratios of a common outcome included.
e_value <- function(rr) {
  rr <- ifelse(rr < 1, 1 / rr, rr)
  rr + sqrt(rr * (rr - 1))
}
hr <- c(0.56, 0.8, 1.3, 2.4)
rr <- (1 - 0.5^sqrt(hr)) / (1 - 0.5^sqrt(1 / hr))
e_values <- list(rr = c(0.4, 0.8, 1, 1.2, 3.9), e = e_value(c(0.4, 0.8, 1, 1.2, 3.9)),
  hr = hr, rr_of_hr = rr, e_of_hr = e_value(rr))

# Two one-sided tests.
one_sided <- list(value = 0.4, error = 0.9, margin = 2,
  p = max(pnorm((0.4 + 2) / 0.9, lower.tail = FALSE), pnorm((0.4 - 2) / 0.9)))

write_json(
  list(adjusted = adjusted, tipping = tipping, misclassified = misclassified,
    e_values = e_values, one_sided = one_sided),
  file.path(here, "sensitivity.json"), auto_unbox = TRUE, digits = NA, null = "null"
)
