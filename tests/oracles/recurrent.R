# Recurrent events: mean cumulative functions and Cox models; writes recurrent.json.
# Run: Rscript tests/oracles/recurrent.R   (R 4.2.2, survival 3.5-3, mets 1.3.2)
suppressPackageStartupMessages({ library(survival); library(mets) })
library(jsonlite)

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1]))

g <- transform(cgd, treated = as.integer(treat == "rIFN-g"), steroids = as.integer(steroids))
g <- g[c("id", "tstart", "tstop", "status", "treated", "age", "steroids", "enum", "center")]
g$center <- as.character(g$center)
b <- bladder2[c("id", "start", "stop", "event", "rx", "number", "size", "enum")]

nelson <- function(rows, unit, weight = rep(1, nrow(rows))) {
  rows$unit <- unit
  rows$weight <- weight
  fit <- survfit(Surv(tstart, tstop, status) ~ 1, rows, id = id, cluster = unit, weights = weight, robust = TRUE)
  list(time = fit$time, mean = fit$cumhaz, std_err = fit$std.chaz)
}
g$weight <- round(seq(0.5, 2.5, length.out = max(g$id)), 3)[g$id]
means <- list(
  treated = nelson(g[g$treated == 1, ], g$id[g$treated == 1]),
  placebo = nelson(g[g$treated == 0, ], g$id[g$treated == 0]),
  center = nelson(g, g$center, g$weight)
)

# Calls before a customer leaves, in continuous time (mets breaks ties one by one), late entry.
set.seed(20240317)
one <- function(id) {
  at <- if (runif(1) < 0.6) 0 else runif(1, 0, 3)
  risk <- rgamma(1, 2, 2)
  leaves <- at + rexp(1, 0.1 * risk)
  end <- at + runif(1, 2, 15)
  rows <- NULL
  while (at < min(leaves, end)) {
    stop <- min(at + rexp(1, 0.3 * risk), leaves, end)
    rows <- rbind(rows, data.frame(id, start = at, stop, call = as.integer(stop < min(leaves, end)),
                                   left = as.integer(stop == leaves)))
    at <- stop
  }
  rows
}
calls <- do.call(rbind, lapply(1:150, one))
rate <- phreg(Surv(start, stop, call) ~ cluster(id), data = calls)
exit <- phreg(Surv(start, stop, left) ~ cluster(id), data = calls)
before <- recurrentMarginal(rate, exit)
means$calls <- list(time = before$times, mean = before$mu, std_err = before$se.mu)

control <- coxph.control(eps = 1e-12, toler.chol = 1e-13, iter.max = 50)
describe <- function(fit) list(coef = unname(coef(fit)), covariance = fit$var, log_likelihood = fit$loglik)
g$pooled <- pmin(g$enum, 3)
models <- list(
  cgd_andersen_gill = describe(coxph(Surv(tstart, tstop, status) ~ treated + age + steroids, g, cluster = id, control = control)),
  cgd_total = describe(coxph(Surv(tstart, tstop, status) ~ treated + age + steroids + strata(pooled), g, cluster = id, control = control)),
  cgd_gap = describe(coxph(Surv(tstop - tstart, status) ~ treated + age + steroids + strata(pooled), g, cluster = id, control = control)),
  cgd_center = describe(coxph(Surv(tstart, tstop, status) ~ treated + age + steroids, g, cluster = center, weights = weight, control = control)),
  bladder_total = describe(coxph(Surv(start, stop, event) ~ rx + number + size + strata(enum), b, cluster = id, control = control)),
  bladder_gap = describe(coxph(Surv(stop - start, event) ~ rx + number + size + strata(enum), b, cluster = id, control = control))
)

write_json(
  list(survival = as.character(packageVersion("survival")), mets = as.character(packageVersion("mets")),
       cgd = g, bladder = b, calls = calls, means = means, models = models),
  file.path(here, "recurrent.json"), digits = I(17), na = "null", auto_unbox = TRUE,
  dataframe = "columns", matrix = "columnmajor"
)
