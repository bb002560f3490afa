# Pseudo-values by R survival, their regressions by geepack; writes pseudo_values.json.
# Run: Rscript tests/oracles/pseudo_values.R   (R 4.2.2, survival 3.5-3, geepack 1.3-9)
library(survival)
library(geepack)
library(jsonlite)

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1]))

v <- veteran
v$is_test <- as.integer(v$trt == 2)
v$household <- rep(seq_len(46), each = 3)[seq_len(nrow(v))]
fit <- survfit(Surv(time, status) ~ 1, v)
m <- transform(mgus2, months = ifelse(pstat == 1, ptime, futime),
               exit = ifelse(pstat == 1, "pcm", ifelse(death == 1, "death", "")))
m <- m[seq(1, nrow(m), by = 4), ]
m$state <- factor(m$exit, c("", "death", "pcm"))
both <- survfit(Surv(months, state) ~ 1, m)
at_risk <- survfit(Surv(start, stop, event) ~ 1, heart, id = id) # split rows
set.seed(20240612)
late <- data.frame(start = floor(runif(90, 0, 6)))
late$stop <- late$start + 1 + floor(rexp(90, 1 / 9))
late$event <- as.integer(runif(90) < 0.7)
late$person <- seq_len(90)
delayed <- survfit(Surv(start, stop, event) ~ 1, late, id = person)

values <- list(
  rmst = c(pseudo(fit, times = 180, type = "rmst")), survival = c(pseudo(fit, times = 90, type = "survival")),
  heart_survival = c(pseudo(at_risk, times = 100, type = "survival")),
  heart_rmst = c(pseudo(at_risk, times = 300, type = "rmst")), heart_id = unique(heart$id),
  late_survival = c(pseudo(delayed, times = 8, type = "survival")),
  incidence = pseudo(both, times = 120, type = "pstate")[, 3]
)
v$y <- values$rmst
v$s <- 1 - values$survival
fits <- list()
describe <- function(g) list(coef = unname(g$beta), se = unname(sqrt(diag(g$vbeta))), names = names(g$beta))
tight <- list(epsilon = 1e-12, maxit = 100)
control <- do.call(geese.control, tight)
for (clustering in c("row", "household")) {
  v$unit <- if (clustering == "row") seq_len(nrow(v)) else v$household
  fits[[clustering]] <- list(
    identity = describe(geese(y ~ is_test + karno, id = unit, data = v, mean.link = "identity", control = control)),
    log = describe(geese(y ~ is_test + karno, id = unit, data = v, mean.link = "log", b = c(log(mean(v$y)), 0, 0), control = control)),
    logit = describe(geese(s ~ is_test + karno, id = unit, data = v, mean.link = "logit", control = control)),
    cloglog = describe(geese(s ~ is_test + karno, id = unit, data = v, mean.link = "cloglog", control = control))
  )
}
# Ratio of restricted means by the delta method on the log scale.
arms <- t(sapply(1:2, function(a) {
  summary(survfit(Surv(time, status) ~ 1, veteran, subset = trt == a), rmean = 180)$table[c("rmean", "se(rmean)")]
}))
log_ratio <- log(arms[1, 1] / arms[2, 1])
error <- sqrt(sum((arms[, 2] / arms[, 1])^2))
ratio <- exp(log_ratio + c(0, -1, 1) * qnorm(0.975) * error)

# Time lost to each cause to 120 months, by sex: areas under the incidences and their errors.
lost <- NULL
for (label in c("F", "M")) {
  own <- survfit(Surv(months, state) ~ 1, m, subset = sex == label)
  r <- residuals(own, times = 120, type = "auc")
  lost <- cbind(lost, c(summary(own, rmean = 120)$table[c("death", "pcm"), "rmean"], sqrt(colSums(drop(r)^2))[2:3]))
}

# With weights: the estimate plus the sum of weights times the derivative by each. pseudo() itself
# multiplies by the number of customers.
v$weight <- round(seq(0.4, 2.4, length.out = nrow(v)), 3)
m$weight <- round(seq(0.5, 2, length.out = nrow(m)), 3)
heavy <- survfit(Surv(time, status) ~ 1, v, weights = weight)
heavy_both <- survfit(Surv(months, state) ~ 1, m, weights = weight)
weighted <- list(
  survival = summary(heavy, times = 90)$surv + sum(v$weight) * c(residuals(heavy, times = 90, type = "pstate")),
  rmst = unname(summary(heavy, rmean = 180)$table["rmean"]) + sum(v$weight) * c(residuals(heavy, times = 180, type = "auc")),
  incidence = summary(heavy_both, times = 120)$pstate[3] + sum(m$weight) * drop(residuals(heavy_both, times = 120, type = "pstate"))[, 3]
)
weighted_lost <- NULL
for (label in c("F", "M")) {
  own <- survfit(Surv(months, state) ~ 1, m, subset = sex == label, weights = weight)
  r <- drop(residuals(own, times = 120, type = "auc")) * m$weight[m$sex == label]
  weighted_lost <- cbind(weighted_lost, c(summary(own, rmean = 120)$table[c("death", "pcm"), "rmean"], sqrt(colSums(r^2))[2:3]))
}

write_json(
  list(
    survival = as.character(packageVersion("survival")), geepack = as.character(packageVersion("geepack")),
    veteran = v[c("time", "status", "trt", "is_test", "karno", "household", "weight")],
    mgus = transform(m[c("months", "exit", "sex", "weight")], sex = as.character(sex)), lost = lost, heart = heart[c("start", "stop", "event", "id")], late = late,
    weighted = weighted, weighted_lost = weighted_lost,
    values = values, fits = fits, ratio = ratio, ratio_error = error, ratio_p = 2 * pnorm(-abs(log_ratio / error))
  ),
  file.path(here, "pseudo_values.json"), digits = I(17), na = "null", auto_unbox = TRUE, dataframe = "columns"
)
