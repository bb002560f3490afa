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

# Royston and Parmar's spline of the log cumulative hazard, its likelihood written out and
# maximised by general-purpose searches; late entry, weights and clusters.
knots <- log(c(1, 4, 9, 25))
bend <- function(u, j, power) {
  above <- function(k) pmax(u - k, 0)^power * ifelse(power == 2, 3, 1)
  (above(knots[j]) - above(knots[3]) * (knots[4] - knots[j]) / (knots[4] - knots[3]) +
    above(knots[4]) * (knots[3] - knots[j]) / (knots[4] - knots[3])) / (knots[4] - knots[1])^2
}
terms_at <- function(u) cbind(1, u, bend(u, 1, 3), bend(u, 2, 3))
late <- ticks$start > 0
x <- as.matrix(ticks[c("x1", "x3")])
at_stop <- cbind(terms_at(log(ticks$stop)), x)
at_start <- cbind(terms_at(log(ticks$start[late])), x[late, ])
slope <- cbind(0, 1, bend(log(ticks$stop), 1, 2), bend(log(ticks$stop), 2, 2))
by_row <- function(theta, w) {
  s <- as.vector(slope %*% theta[1:4])
  if (any(s[ticks$event == 1] <= 0)) return(rep(-1e6, nrow(ticks)))
  eta <- as.vector(at_stop %*% theta)
  value <- ifelse(ticks$event == 1, log(pmax(s, 1e-300)) + eta - log(ticks$stop), 0) - exp(eta)
  value[late] <- value[late] + exp(as.vector(at_start %*% theta))
  w * value
}
search <- function(w) {
  theta <- c(-3, 1, 0, 0, 0, 0)
  minus <- function(theta) -sum(by_row(theta, w))
  for (round in 1:4) {
    theta <- optim(theta, minus, method = "Nelder-Mead",
                   control = list(maxit = 20000, reltol = 1e-15))$par
    theta <- optim(theta, minus, method = "BFGS",
                   control = list(maxit = 1000, reltol = 1e-16, ndeps = rep(1e-5, 6)))$par
  }
  hessian <- optimHess(theta, minus, control = list(ndeps = rep(1e-4, 6)))
  step <- 1e-5
  scores <- sapply(1:6, function(j) {
    change <- step * (1:6 == j)
    (by_row(theta + change, w) - by_row(theta - change, w)) / (2 * step)
  })
  bread <- solve(hessian)
  list(theta = theta, naive = bread, log_likelihood = -minus(theta),
       robust = bread %*% crossprod(rowsum(scores, ticks$cluster)) %*% bread)
}
spline <- list(knots = exp(knots), plain = search(rep(1, nrow(ticks))),
               weighted = search(ticks$weight))

write_json(
  list(survival = as.character(packageVersion("survival")), fits = found, spline = spline),
  file.path(here, "failure_times.json"), digits = I(17), na = "null", auto_unbox = TRUE,
  dataframe = "columns", matrix = "columnmajor"
)
