# Natural experiments by R: regressions and sandwich errors; writes natural_experiments.json.
# Run: Rscript tests/oracles/natural_experiments.R   (R 4.2.2, survival 3.5-3, sandwich 3.0-2)
library(survival)
library(sandwich)
library(jsonlite)

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1]))
tight <- glm.control(epsilon = 1e-12, maxit = 200)

# --- Staggered starts: 12 units, 10 months, starts in months 4, 5, 7 and never (0 = first month).
set.seed(20)
first <- c(4, 4, 4, 5, 5, 7, 7, 7, NA, NA, NA, NA)
cells <- expand.grid(month = 0:9, unit = seq_along(first))
cells$first <- first[cells$unit]
cells$days <- round(30.4375 * (200 + 15 * cells$unit + 5 * cells$month + rnorm(nrow(cells), 0, 8)), 3)
cells$treated <- as.numeric(!is.na(cells$first) & cells$month >= cells$first)
rate <- 0.02 + 0.002 * cells$unit + 0.001 * sin(cells$month) - 0.004 * cells$treated
cells$exits <- rpois(nrow(cells), rate * cells$days / 30.4375) + 1
cells$time <- cells$days / 30.4375
cells$rate <- cells$exits / cells$time
weight <- tapply(cells$time, cells$unit, mean)

# One group and month: long difference on "treated", weighted by mean customers; HC3 is the unit
# jackknife. Log scale: saturated quasi-Poisson on unit rates, each unit left out in turn.
lead <- 1 # months of anticipation
at <- function(m) cells[cells$month == m, ]
group_time <- do.call(rbind, lapply(c(4, 5, 7), function(g) {
  do.call(rbind, lapply(setdiff(0:9, g - 1 - lead), function(t) {
    until <- max(t, g - 1 - lead) + lead
    other <- (is.na(first) | first > until) & !(first %in% g)
    mine <- first %in% g
    if (!any(other)) return(NULL)
    d <- data.frame(dy = at(t)$rate - at(g - 1 - lead)$rate, mine = mine + 0, w = as.numeric(weight))[mine | other, ]
    fit <- lm(dy ~ mine, d, weights = w)
    h <- hatvalues(fit)
    x <- model.matrix(fit)
    bread <- solve(t(x) %*% (x * d$w))
    # theta without i, less theta, for each unit; Quenouille and Tukey's variance about their mean.
    shift <- -(x %*% bread)[, 2] * d$w * residuals(fit) / (1 - h)
    all_units <- c(shift, rep(0, length(first) - nrow(d)))
    n <- length(first)
    long <- rbind(
      data.frame(rate = at(g - 1 - lead)$rate, post = 0, mine = mine + 0, w = as.numeric(weight))[mine | other, ],
      data.frame(rate = at(t)$rate, post = 1, mine = mine + 0, w = as.numeric(weight))[mine | other, ]
    )
    long$id <- rep(seq_len(nrow(d)), 2)
    ratio <- function(l) unname(coef(glm(rate ~ mine * post, quasipoisson, l, weights = w, control = tight))[4])
    theta <- ratio(long)
    loo <- c(sapply(unique(long$id), function(i) ratio(long[long$id != i, ])), rep(theta, n - nrow(d)))
    data.frame(
      group = g, month = t, effect = 100 * unname(coef(fit)[2]),
      hc3 = 100 * sqrt(vcovHC(fit, type = "HC3")[2, 2]),
      error = 100 * sqrt((n - 1) / n * sum((all_units - mean(all_units))^2)),
      n_comparison = sum(other), log_effect = theta,
      log_error = sqrt((n - 1) / n * sum((loo - mean(loo))^2))
    )
  }))
}))
twfe <- lm(I(100 * rate) ~ treated + factor(unit) + factor(month), cells, weights = time)
staggered <- list(
  cells = cells[, c("unit", "month", "days", "exits")], first = first, lead = lead,
  group_time = group_time,
  two_way = list(effect = unname(coef(twfe)["treated"]),
    error = sqrt(vcovCL(twfe, cluster = cells$unit, type = "HC1")["treated", "treated"]))
)

# --- Seat belts became compulsory in front seats (covered), not in rear ones (exempt), 1983-02.
belts <- as.data.frame(Seatbelts)
belts$month <- seq_len(nrow(belts)) - 1
reform <- which(belts$law == 1)[1] - 1
window <- belts[belts$month >= reform - 24 & belts$month < reform + 20, ]
long <- data.frame(
  month = rep(window$month - reform, 2), covered = rep(1:0, each = nrow(window)),
  events = c(window$front, window$rear), time = rep(window$kms, 2)
)
# Twelve reference months pooled: their months share one interaction, 0.
study <- function(k) { # one month against the pooled reference
  d <- long[long$month %in% -12:-1 | long$month == k, ]
  d$post <- as.numeric(d$month == k)
  d <- aggregate(cbind(events, time) ~ covered + post, d, sum)
  fit <- glm(events ~ covered * post + offset(log(time)), poisson, d, control = tight)
  c(coef(fit)[4], sqrt(vcov(fit)[4, 4]))
}
months <- setdiff(unique(long$month), -12:-1)
found <- t(sapply(months, study))
before <- long[long$month < 0, ]
quasi <- glm(events ~ covered + factor(month) + offset(log(time)), quasipoisson, before, control = tight)
event_study <- list(
  month = window$month - reform, front = window$front, rear = window$rear, kms = window$kms,
  by_month = data.frame(month = months, effect = found[, 1], poisson_error = found[, 2]),
  dispersion = summary(quasi)$dispersion
)

# --- The same law as an interrupted series of front-seat casualties.
belts$trend <- belts$month - reform
belts$slope <- pmax(belts$trend, 0)
for (j in 1:2) {
  belts[[paste0("s", j)]] <- sin(2 * pi * j * belts$month / 12)
  belts[[paste0("c", j)]] <- cos(2 * pi * j * belts$month / 12)
}
series_of <- function(d) {
  fit <- glm(front ~ trend + law + slope + s1 + c1 + s2 + c2 + offset(log(kms)), quasipoisson, d, control = tight)
  lag <- floor(4 * (nrow(d) / 100)^(2 / 9))
  list(
    coefficients = unname(coef(fit)), lag = lag, dispersion = summary(fit)$dispersion,
    errors = unname(sqrt(diag(NeweyWest(fit, lag = lag, prewhite = FALSE, adjust = TRUE))))
  )
}
series <- c(
  list(front = belts$front, kms = belts$kms, change_at = reform), all = list(series_of(belts)),
  donut = list(c(list(left_out = reform + 0:1), series_of(belts[!(belts$month %in% (reform + 0:1)), ])))
)

# --- Discontinuity in age at 70 among mgus2: haemoglobin, and a treatment that age makes likelier.
m <- mgus2[!is.na(mgus2$hgb), c("age", "hgb", "id")]
set.seed(5)
m$treated <- rbinom(nrow(m), 1, ifelse(m$age >= 70, 0.75, 0.25))
m$clinic <- m$id %% 60
cut <- 70
h <- 12
jump <- function(y, degree, h, type = NULL, donut = 0, cluster = seq_along(y)) {
  x <- m$age - cut
  k <- 1 - abs(x) / h
  use <- k > 0 & abs(x) >= donut
  d <- data.frame(y = y, x = x, up = as.numeric(x >= 0), k = k, cl = cluster)[use, ]
  fit <- lm(y ~ up * poly(x, degree, raw = TRUE), d, weights = k)
  c(coef(fit)["up"], sqrt(vcovCL(fit, cluster = d$cl, type = "HC1")["up", "up"]), nrow(d))
}
fuzzy <- function(degree) {
  first <- jump(m$treated, degree, h)
  tau <- unname(jump(m$hgb, degree, h)[1] / first[1])
  c(tau, unname(jump(m$hgb - tau * m$treated, degree, h)[2] / abs(first[1])))
}
# Imbens and Kalyanaraman's bandwidth, step by step.
ik <- function(x, y) {
  n <- length(x)
  h1 <- 1.84 * sd(x) * n^(-1 / 5)
  up <- x >= 0
  f <- sum(abs(x) <= h1) / (2 * n * h1)
  v1 <- var(y[up & x <= h1])
  v0 <- var(y[!up & x >= -h1])
  m3 <- 6 * unname(coef(lm(y ~ up + x + I(x^2) + I(x^3)))["I(x^3)"])
  h21 <- min(max(abs(x[up])), 3.56 * (v1 / (f * m3^2))^(1 / 7) * sum(up)^(-1 / 7))
  h20 <- min(max(abs(x[!up])), 3.56 * (v0 / (f * m3^2))^(1 / 7) * sum(!up)^(-1 / 7))
  near1 <- up & x <= h21
  near0 <- !up & x >= -h20
  c1 <- 2 * unname(coef(lm(y ~ x + I(x^2), subset = near1))[3])
  c0 <- 2 * unname(coef(lm(y ~ x + I(x^2), subset = near0))[3])
  r <- 2160 * v1 / (sum(near1) * h21^4) + 2160 * v0 / (sum(near0) * h20^4)
  3.4375 * ((v1 + v0) / (f * ((c1 - c0)^2 + r)))^(1 / 5) * n^(-1 / 5)
}
# McCrary's test with bins and bandwidth given.
mccrary <- function(x, b, h) {
  n <- length(x)
  grid <- seq(floor(min(x) / b), floor(max(x) / b))
  count <- as.numeric(table(factor(floor(x / b), levels = grid)))
  mid <- (grid + 0.5) * b
  y <- count / (n * b)
  edge <- function(side) {
    k <- pmax(1 - abs(mid) / h, 0) * side
    unname(coef(lm(y ~ mid, weights = k, subset = k > 0))[1])
  }
  f1 <- edge(mid > 0)
  f0 <- edge(mid < 0)
  c(log(f1 / f0), sqrt(24 / 5 / (n * h) * (1 / f1 + 1 / f0)))
}
discontinuity <- list(
  age = m$age, hgb = m$hgb, treated = m$treated, clinic = m$clinic, cutoff = cut, bandwidth = h,
  linear = unname(jump(m$hgb, 1, h)), quadratic = unname(jump(m$hgb, 2, h)),
  clustered = unname(jump(m$hgb, 2, h, cluster = m$clinic)), donut = unname(jump(m$hgb, 2, h, donut = 2)),
  fuzzy_linear = fuzzy(1), fuzzy_quadratic = fuzzy(2), ik = ik(m$age - cut, m$hgb),
  mccrary = list(bin = 1, bandwidth = 15, value = mccrary(m$age - cut, 1, 15))
)

write_json(
  list(staggered = staggered, event_study = event_study, series = series, discontinuity = discontinuity),
  file.path(here, "natural_experiments.json"), digits = NA, auto_unbox = TRUE, na = "null"
)
