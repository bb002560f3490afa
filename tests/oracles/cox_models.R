# Cox models with offset, ridge, curves, residuals and concordance by R survival; writes
# cox_models.json. Data sets that cox.json holds already are not stored again.
# Run: Rscript tests/oracles/cox_models.R   (R 4.2.2, survival 3.5-3)
library(survival)
library(jsonlite)

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1]))
cox <- fromJSON(file.path(here, "cox.json"))
ticks <- as.data.frame(cox$ticks)
ticks$person <- seq_len(nrow(ticks))
h <- as.data.frame(cox$heart)
v <- as.data.frame(cox$veteran)
control <- coxph.control(eps = 1e-12, toler.chol = 1e-13, iter.max = 50)

# Offset: part of the log risk is known.
offsets <- list()
v$known <- v$age / 50
f <- coxph(Surv(time, status) ~ trt + karno + offset(known), v, control = control)
s <- survfit(f, newdata = data.frame(trt = 1, karno = 60, known = 0.3), conf.type = "log-log")
jump <- s$n.event > 0
offsets$veteran <- list(
  coef = unname(coef(f)), covariance = f$var, log_likelihood = f$loglik,
  zph = unname(cox.zph(f, transform = "identity")$table[, 1]),
  time = s$time[jump], hazard = s$cumhaz[jump], error = s$std.err[jump],
  retention = s$surv[jump], ci_lower = s$lower[jump], ci_upper = s$upper[jump]
)
ticks$known <- (ticks$x2 - 50) / 40
f <- coxph(Surv(start, stop, event) ~ x1 + x3 + offset(known) + strata(plan), ticks,
           weights = weight, cluster = cluster, control = control)
offsets$ticks <- list(
  coef = unname(coef(f)), covariance = f$var, log_likelihood = f$loglik
)

# Ridge, in the covariates' own units.
describe_ridge <- function(f) {
  # f$df is by term, which leaves out what terms share; a cluster replaces f$var.
  whole <- if (is.null(f$naive.var)) sum(diag(f$var2 %*% solve(f$var))) else sum(f$df)
  list(
    coef = unname(coef(f)), covariance = f$var, log_likelihood = f$loglik[2],
    penalty = unname(f$penalty[2]), effective_df = whole
  )
}
tight <- coxph.control(eps = 1e-12, toler.chol = 1e-14, iter.max = 100, outer.max = 50)
ridges <- list(
  veteran = describe_ridge(coxph(
    Surv(time, status) ~ ridge(trt, karno, theta = 2, scale = FALSE) + age, v, control = tight
  )),
  ticks = describe_ridge(coxph(
    Surv(start, stop, event) ~ ridge(x1, x2, x3, theta = 5, scale = FALSE) + strata(plan), ticks,
    control = tight
  )),
  heart_clustered = describe_ridge(coxph(
    Surv(start, stop, event) ~ ridge(age, year, surgery, transplanted, theta = 3, scale = FALSE),
    h, cluster = id, control = tight
  ))
)

# Residuals, by row and summed within clusters.
b <- as.data.frame(cox$bladder)
residual_fits <- list(
  heart = list(coxph(Surv(start, stop, event) ~ age + year + surgery + transplanted, h,
                     cluster = id, control = control), h$id, 1),
  bladder = list(coxph(Surv(start, stop, event) ~ rx + number + size + strata(enum), b,
                       cluster = id, control = control), b$id, 1),
  veteran = list(coxph(Surv(time, status) ~ trt + karno + age + diagtime, v,
                       control = control), seq_len(nrow(v)), 1),
  ticks_all = list(coxph(Surv(start, stop, event) ~ x1 + x2 + x3 + strata(plan), ticks,
                         weights = weight, cluster = cluster, control = control),
                   ticks$cluster, ticks$weight)
)
describe_residuals <- function(triple) {
  f <- triple[[1]]
  unit <- triple[[2]]
  get <- function(type, ...) unname(residuals(f, type = type, ...))
  list(
    martingale = get("martingale"), deviance = get("deviance"),
    score = get("score"), dfbeta = get("dfbeta"),
    cluster_martingale = as.vector(rowsum(triple[[3]] * get("martingale"), unit)),
    cluster_deviance = unname(get("deviance", collapse = unit)),
    cluster_score = unname(rowsum(triple[[3]] * get("score"), unit)),
    cluster_dfbeta = unname(rowsum(get("dfbeta"), unit))
  )
}
residuals_of <- lapply(residual_fits, describe_residuals)

# Predicted curves: constant covariates, a path, a stratum.
curve <- function(s) {
  jump <- s$n.event > 0
  list(time = s$time[jump], hazard = s$cumhaz[jump], error = s$std.err[jump],
       retention = s$surv[jump], ci_lower = s$lower[jump], ci_upper = s$upper[jump])
}
f <- coxph(Surv(time, status) ~ trt + karno + age, v, control = control)
g <- coxph(Surv(start, stop, event) ~ age + year + surgery + transplanted, h, control = control)
path <- data.frame(
  start = c(0, 30, 90), stop = c(30, 90, 700), event = 0, age = c(2, 2, 3), year = 4,
  surgery = c(0, 0, 1), transplanted = c(0, 1, 1), id = 1
)
k <- coxph(Surv(start, stop, event) ~ x1 + x2 + x3 + strata(plan), ticks, control = control)
one <- data.frame(x1 = 1, x2 = 45, x3 = 0.4, plan = "plus")
curves <- list(
  veteran = lapply(list(c(1, 40, 60), c(2, 80, 50)), function(z) curve(survfit(
    f, newdata = data.frame(trt = z[1], karno = z[2], age = z[3]), conf.type = "log-log"))),
  heart = curve(survfit(g, newdata = path, id = id, conf.type = "log-log")),
  ticks = curve(survfit(k, newdata = one, conf.type = "log-log"))
)

# Effects that change with time.
describe_effect <- function(f) {
  list(names = names(coef(f)), coef = unname(coef(f)), covariance = f$var,
       log_likelihood = f$loglik[2])
}
by_time <- function(g) function(x, t, ...) x * g(t)
# Harrell's restricted cubic spline, four knots at quantiles of the event times.
knots <- quantile(v$time[v$status == 1], c(0.05, 0.35, 0.65, 0.95), names = FALSE)
bend <- function(t, j) {
  cube <- function(k) pmax(t - k, 0)^3
  last <- knots[4]
  before <- knots[3]
  (cube(knots[j]) - cube(before) * (last - knots[j]) / (last - before) +
    cube(last) * (before - knots[j]) / (last - before)) / (last - knots[1])^2
}
fit_tt <- function(g) {
  coxph(Surv(time, status) ~ trt + karno + tt(karno), v, tt = by_time(g), control = control)
}
steps <- survSplit(Surv(time, status) ~ ., v, cut = c(90, 180), episode = "interval",
                   start = "start")
step_fit <- coxph(Surv(start, time, status) ~ trt + karno + I(karno * (interval > 1)) +
                    I(karno * (interval > 2)), steps, control = control)
heart_tt <- coxph(Surv(start, stop, event) ~ age + surgery + tt(age), h, tt = by_time(log),
                  cluster = id, control = control)
effects <- list(
  linear = describe_effect(fit_tt(identity)), log = describe_effect(fit_tt(log)),
  spline = describe_effect(coxph(
    Surv(time, status) ~ trt + karno + tt(karno), v,
    tt = function(x, t, ...) cbind(x * t, x * bend(t, 1), x * bend(t, 2)), control = control)),
  step = describe_effect(step_fit), heart = describe_effect(heart_tt),
  knots = knots,
  steps = steps[c("start", "time", "status", "interval", "karno")]
)

# Concordance.
share <- function(...) {
  found <- concordance(...)
  c(unname(found$concordance), sqrt(found$var))
}
whole <- residual_fits$veteran[[1]]
concordances <- list(
  veteran = share(whole), veteran_uno = share(whole, timewt = "n/G2"),
  veteran_100 = share(whole, ymax = 100),
  veteran_uno_100 = share(whole, timewt = "n/G2", ymax = 100),
  heart = share(residual_fits$heart[[1]]), bladder = share(residual_fits$bladder[[1]]),
  ticks_all = share(residual_fits$ticks_all[[1]])
)

write_json(
  list(survival = as.character(packageVersion("survival")), offsets = offsets, ridges = ridges,
       residuals = residuals_of, curves = curves, effects = effects,
       concordances = concordances),
  file.path(here, "cox_models.json"), digits = I(17), na = "null", auto_unbox = TRUE,
  dataframe = "columns", matrix = "columnmajor"
)
