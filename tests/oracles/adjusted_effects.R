# Effects adjusted for baseline covariates, by hand in R: propensity, weights, balance, and the
# augmented weighted contrast of pseudo-values with its influence, which is the numerical
# derivative of the whole procedure by the weight of each customer.
# Run in this folder: Rscript adjusted_effects.R
library(survival)
library(jsonlite)

d <- veteran
n <- nrow(d)
a <- as.numeric(d$trt == 2)
x <- cbind(age = d$age, karno = d$karno, large = as.numeric(d$celltype == "large"))
horizon <- 365
times <- c(60, 180)
data_columns <- list(stop = d$time, event = d$status, treated = a, age = d$age, karno = d$karno,
                     large = as.numeric(d$celltype == "large"))

propensity <- glm(a ~ x, family = binomial, epsilon = 1e-14, maxit = 50)
e <- fitted(propensity)
sandwich_error <- sqrt(diag(sandwich::vcovHC(propensity, type = "HC0")))
concordant <- outer(e[a == 1], e[a == 0], function(u, v) (u > v) + (u == v) / 2)
stabilised <- ifelse(a == 1, mean(a) / e, mean(1 - a) / (1 - e))

one <- function(v, arm, value, slope) {
  keep <- arm == a
  # residuals() evaluates the call again, in the global environment.
  group_rows <<- d[keep, ]
  group_weights <<- v[keep]
  fit <- survfit(Surv(time, status) ~ 1, data = group_rows, weights = group_weights)
  y <- value(fit) + sum(v[keep]) * slope(fit)
  own <- cbind(1, x)[keep, ]
  beta <- solve(t(own) %*% (v[keep] * own), t(own) %*% (v[keep] * y))
  m <- drop(cbind(1, x) %*% beta)
  ps <- suppressWarnings(fitted(glm(a ~ x, family = binomial, weights = v, epsilon = 1e-14,
                                    maxit = 50)))
  p <- if (arm == 1) ps else 1 - ps
  full <- rep(0, n)
  full[keep] <- (y - m[keep]) / p[keep]
  sum(v * (m + full)) / sum(v)
}
area <- function(fit) {
  t <- c(0, fit$time[fit$time < horizon], horizon)
  sum(diff(t) * c(1, fit$surv[fit$time < horizon]))
}
quantities <- c(
  list(list(value = area, slope = function(fit) drop(residuals(fit, times = horizon,
                                                               type = "rmst")))),
  lapply(times, function(t) list(
    value = function(fit) summary(fit, times = t, extend = TRUE)$surv,
    slope = function(fit) drop(residuals(fit, times = t, type = "pstate")))))
results <- lapply(quantities, function(q) {
  gap <- function(v) one(v, 1, q$value, q$slope) - one(v, 0, q$value, q$slope)
  step <- 1e-4
  influence <- sapply(seq_len(n), function(j) {
    v <- rep(1, n)
    (gap(replace(v, j, 1 + step)) - gap(replace(v, j, 1 - step))) / (2 * step)
  })
  v <- rep(1, n)
  list(exposed = one(v, 1, q$value, q$slope), reference = one(v, 0, q$value, q$slope),
       difference = gap(v), error = sqrt(sum(influence^2)), influence = influence)
})
balance <- sapply(seq_len(ncol(x)), function(j) {
  m <- function(k, w) weighted.mean(x[a == k, j], w[a == k])
  s <- sqrt((var(x[a == 1, j]) + var(x[a == 0, j])) / 2)
  c((m(1, rep(1, n)) - m(0, rep(1, n))) / s, (m(1, stabilised) - m(0, stabilised)) / s)
})
weighted_curve <- survfit(Surv(time, status) ~ a, data = d, weights = stabilised)

# Cox models by group, curves averaged over all; by hand and checked against survfit.
standardised <- lapply(0:1, function(k) {
  fit <- coxph(Surv(time, status) ~ age + karno, data = d[a == k, ], ties = "efron",
               control = coxph.control(eps = 1e-14, toler.chol = 1e-15, iter.max = 50))
  curve <- survfit(fit, newdata = d)
  keep <- curve$time < horizon
  mean_curve <- rowMeans(curve$surv)
  list(retention = rowMeans(summary(curve, times = times)$surv),
       area = sum(diff(c(0, curve$time[keep], horizon)) * c(1, mean_curve[keep])))
})

# Cause-specific Cox models by group, on mgus2: progression (1) against death (2).
m <- mgus2[complete.cases(mgus2[, c("age", "mspike", "hgb")]), ]
m$time <- ifelse(m$pstat == 1, m$ptime, m$futime)
m$status <- ifelse(m$pstat == 1, 1, 2 * m$death)
m$male <- as.numeric(m$sex == "M")
month_times <- c(60, 120)
incidence <- lapply(0:1, function(k) {
  own <- m[m$male == k, ]
  control <- coxph.control(eps = 1e-14, toler.chol = 1e-15, iter.max = 50)
  fits <- lapply(1:2, function(j) coxph(Surv(time, status == j) ~ age + hgb, data = own,
                                        ties = "efron", control = control))
  hazards <- lapply(fits, function(fit) basehaz(fit, centered = FALSE))
  grid <- hazards[[1]]$time
  jumps <- sapply(hazards, function(h) diff(c(0, h$hazard)))
  risks <- sapply(fits, function(fit) exp(as.matrix(m[, c("age", "hgb")]) %*% coef(fit)))
  total <- sapply(seq_len(nrow(m)), function(i) {
    h <- jumps * rep(risks[i, ], each = nrow(jumps))
    both <- rowSums(h)
    before <- exp(-(cumsum(both) - both))
    share <- ifelse(both > 0, -expm1(-both) / both, 1)
    f <- cumsum(before * share * h[, 1])
    sapply(month_times, function(t) max(c(0, f[grid <= t])))
  })
  rowMeans(total)
})

# The binary outcome of riskRegression: weighting alone, without censoring by the time.
r <- data.frame(y = as.numeric(d$time <= 60), a = factor(a), age = d$age, karno = d$karno,
                large = x[, "large"])
suppressMessages(library(riskRegression))
ate_fit <- ate(treatment = glm(a ~ age + karno + large, data = r, family = binomial),
               event = glm(y ~ a, data = r, family = binomial), data = r,
               estimator = "IPTW", verbose = FALSE, times = 1)
ate_table <- as.data.frame(data.table::as.data.table(ate_fit))
print(ate_table)
ate_difference <- ate_table$estimate[ate_table$type == "diffRisk"]

# A marginal structural Cox model on the Stanford rows: waiting or transplanted.
h <- heart
h$treated <- as.numeric(h$transplant == 1)
h <- h[order(h$id, h$start), ]
before <- c(0, head(h$treated, -1))
before[!duplicated(h$id)] <- 0
cut_points <- c(30, 60, 90)
h$row <- seq_len(nrow(h))
s <- survSplit(Surv(start, stop, event) ~ ., data = h, cut = cut_points, episode = "period")
s <- s[order(s$id, s$start), ]
first <- !duplicated(s$id)
s$previous <- ifelse(first, 0, c(0, head(s$treated, -1)))
s$later <- as.numeric(s$start >= 30)
open <- s$previous == 0
logistic <- function(f) glm(f, data = s[open, ], family = binomial, epsilon = 1e-14, maxit = 50)
top <- logistic(treated ~ later)
bottom <- logistic(treated ~ later + age + surgery)
ratio <- rep(1, nrow(s))
observed <- s$treated[open]
chosen <- function(p) ifelse(observed == 1, p, 1 - p)
ratio[open] <- chosen(fitted(top)) / chosen(fitted(bottom))
s$w <- ave(ratio, s$id, FUN = cumprod)
msm <- coxph(Surv(start, stop, event) ~ treated, data = s, weights = w, cluster = id,
             ties = "efron", control = coxph.control(eps = 1e-14, toler.chol = 1e-15, iter.max = 50))

write_json(list(
  data = data_columns, horizon = horizon, times = times,
  coefficients = unname(coef(propensity)), error = unname(sandwich_error), probability = unname(e),
  c_statistic = mean(concordant), stabilised = unname(stabilised), balance = t(balance),
  contrast = results,
  curve = list(time = weighted_curve$time, surv = weighted_curve$surv,
               strata = unname(weighted_curve$strata)),
  standardised = standardised,
  mgus2 = list(stop = m$time, status = m$status, male = m$male, age = m$age, hgb = m$hgb,
               times = month_times, incidence = incidence),
  ate_difference = ate_difference,
  msm = list(id = s$id, start = s$start, stop = s$stop, event = s$event, treated = s$treated,
             previous = s$previous, later = s$later, age = s$age, surgery = as.numeric(s$surgery),
             weights = s$w, coefficient = unname(coef(msm)), error = sqrt(msm$var[1, 1]))
), "adjusted_effects.json", digits = NA, auto_unbox = TRUE)
