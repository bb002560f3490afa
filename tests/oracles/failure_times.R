# Accelerated failure-time models by survreg of R survival; writes failure_times.json. The rows
# are those of cox.json.
# Run: Rscript tests/oracles/failure_times.R   (R 4.2.2, survival 3.5-3)
library(survival)
library(jsonlite)

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1]))
cox <- fromJSON(file.path(here, "cox.json"))
v <- as.data.frame(cox$veteran)
ticks <- as.data.frame(cox$ticks)
ticks$length <- ticks$stop - ticks$start
control <- survreg.control(rel.tolerance = 1e-13, maxiter = 200)

describe <- function(f) {
  p <- length(coef(f))
  list(coef = unname(coef(f)), log_scale = log(f$scale), covariance = unname(f$var),
       log_likelihood = f$loglik[2])
}
new <- data.frame(trt = 1, karno = 60)
found <- list()
for (name in c("weibull", "lognormal", "loglogistic")) {
  right <- survreg(Surv(time, status) ~ trt + karno, v, dist = name, control = control)
  # Exits known by fortnight.
  left <- ifelse(v$status == 1, 14 * floor((v$time - 0.5) / 14), v$time)
  upper <- ifelse(v$status == 1, 14 * floor((v$time - 0.5) / 14) + 14, NA)
  left[left == 0] <- NA
  interval <- survreg(Surv(left, upper, type = "interval2") ~ trt + karno, v, dist = name,
                      control = control)
  robust <- survreg(Surv(length, event) ~ x1 + x2 + x3, ticks, weights = weight, dist = name,
                    control = control)
  # survreg's own robust variance leaves the weights out of the scores; put them in.
  influence <- residuals(robust, type = "dfbeta", weighted = TRUE)
  robust$var <- crossprod(rowsum(influence, ticks$cluster))
  shares <- c(0.1, 0.4, 0.8)
  times <- predict(right, new, type = "quantile", p = shares)
  found[[name]] <- list(right = describe(right), interval = describe(interval),
                        robust = describe(robust), quantiles = as.vector(times),
                        shares = shares)
}

write_json(
  list(survival = as.character(packageVersion("survival")), fits = found),
  file.path(here, "failure_times.json"), digits = I(17), na = "null", auto_unbox = TRUE,
  dataframe = "columns", matrix = "columnmajor"
)
