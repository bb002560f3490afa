# Hazard regressions in discrete time and with piecewise constant rates by R's glm; writes
# hazard_regressions.json. The rows are those of cox.json.
# Run: Rscript tests/oracles/hazard_regressions.R   (R 4.2.2, survival 3.5-3)
library(survival)
library(jsonlite)

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1]))
cox <- fromJSON(file.path(here, "cox.json"))
ticks <- as.data.frame(cox$ticks)
ticks$row <- seq_len(nrow(ticks))
v <- as.data.frame(cox$veteran)
v$row <- seq_len(nrow(v))
control <- glm.control(epsilon = 1e-14, maxit = 100)

# Sandwich without small-sample factors: bread (vcov, expected information) and clustered scores.
describe <- function(fit, unit, baseline, covariates) {
  x <- model.matrix(fit)
  mu <- fitted(fit)
  eta <- fit$linear.predictors
  slope <- fit$family$mu.eta(eta) / fit$family$variance(mu)
  scores <- x * as.vector(fit$prior.weights * (fit$y - mu) * slope)
  bread <- summary(fit)$cov.unscaled # Dispersion 1, also with weights.
  meat <- crossprod(rowsum(scores, unit))
  robust <- bread %*% meat %*% bread
  list(
    coef = unname(coef(fit)[covariates]), naive = unname(bread[covariates, covariates]),
    robust = unname(robust[covariates, covariates]), alpha = unname(coef(fit)[baseline]),
    naive_alpha_se = unname(sqrt(diag(bread)[baseline])),
    robust_alpha_se = unname(sqrt(diag(robust)[baseline])),
    log_likelihood = sum(fit$prior.weights * dbinom(fit$y, 1, pmin(mu, 1), log = TRUE))
  )
}

days <- survSplit(Surv(start, stop, event) ~ ., ticks, cut = 1:60)
days$period <- pmin(days$stop, 12)
x <- c("x1", "x2", "x3")
periods <- sprintf("factor(period)%d", sort(unique(days$period)))
# glm warns of counts that weights make fractions.
discrete <- list()
for (link in c("logit", "cloglog")) {
  plain <- glm(event ~ 0 + factor(period) + x1 + x2 + x3, binomial(link), days, control = control)
  weighted <- suppressWarnings(
    glm(event ~ 0 + factor(period) + x1 + x2 + x3, binomial(link), days, weights = weight,
        control = control)
  )
  constant <- glm(event ~ x1 + x2 + x3 + log(stop), binomial(link), days, control = control)
  discrete[[link]] <- list(
    plain = describe(plain, days$cluster, periods, x),
    weighted = describe(weighted, days$cluster, periods, x),
    constant = describe(constant, days$cluster, "(Intercept)", c(x, "log(stop)"))
  )
}

pieces <- survSplit(Surv(start, stop, event) ~ ., ticks, cut = c(4, 9, 15), episode = "part")
parts <- sprintf("factor(part)%d", 1:4)
rates <- list()
rates$ticks <- describe(
  suppressWarnings(
    glm(event ~ 0 + factor(part) + x1 + x2 + x3 + offset(log(stop - start)), poisson, pieces,
        weights = weight, control = control)
  ),
  pieces$cluster, parts, x
)
lives <- survSplit(Surv(time, status) ~ ., v, cut = c(30, 90, 200), episode = "part",
                   start = "start")
fit <- glm(status ~ 0 + factor(part) + trt + karno + offset(age / 50) + offset(log(time - start)),
           poisson, lives, control = control)
rates$veteran <- describe(fit, lives$row, parts, c("trt", "karno"))
rates$veteran$log_likelihood <- as.numeric(logLik(fit)) -
  sum(lives$status * log(lives$time - lives$start))

write_json(
  list(survival = as.character(packageVersion("survival")), discrete = discrete, rates = rates),
  file.path(here, "hazard_regressions.json"), digits = I(17), na = "null", auto_unbox = TRUE,
  dataframe = "columns", matrix = "columnmajor"
)
