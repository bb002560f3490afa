# Simultaneous bands: published critical values (Klein and Moeschberger, appendix C.3 and C.4, as
# kept by km.ci) and bands built from them; pointwise intervals on three scales by R survival.
# Writes confidence_bands.json.
# Run: Rscript tests/oracles/confidence_bands.R   (R 4.2.2, survival 3.5-3, km.ci 0.5-6)
library(survival)
library(km.ci)
library(jsonlite)

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1]))

table_of <- function(values, first_lower) {
  values <- as.matrix(values)
  found <- which(!is.na(values), arr.ind = TRUE)
  found <- found[seq(1, nrow(found), by = 9), ]
  data.frame(
    a_lower = first_lower + (found[, 2] - 1) * 0.02, a_upper = 0.1 + (found[, 1] - 1) * 0.02,
    critical = values[found]
  )
}
tables <- list(
  hall_wellner_90 = table_of(critical.value.hall.90, 0), hall_wellner_95 = table_of(critical.value.hall.95, 0),
  hall_wellner_99 = table_of(critical.value.hall.99, 0),
  equal_precision_90 = table_of(critical.value.nair.90, 0.02),
  equal_precision_95 = table_of(critical.value.nair.95, 0.02)
)

intervals <- list()
for (kind in c("log-log", "log", "plain")) {
  fit <- survfit(Surv(time, status) ~ 1, data = veteran, conf.type = kind)
  probs <- c(0.1, 0.25, 0.5, 0.9)
  q <- quantile(fit, probs = probs)
  intervals[[kind]] <- list(
    time = fit$time, retention = fit$surv, ci_lower = fit$lower, ci_upper = fit$upper,
    probs = probs, quantile = q$quantile, quantile_lower = q$lower, quantile_upper = q$upper
  )
}
fit <- survfit(Surv(time, status) ~ 1, data = veteran)
bands <- list()
for (kind in c("hall-wellner", "loghall", "epband", "logep")) {
  band <- km.ci(fit, conf.level = 0.95, tl = 50, tu = 300, method = kind)
  bands[[kind]] <- list(time = band$time, ci_lower = band$lower, ci_upper = band$upper)
}

write_json(
  list(
    survival = as.character(packageVersion("survival")), km_ci = as.character(packageVersion("km.ci")),
    veteran = veteran[c("time", "status")], tables = tables, intervals = intervals, bands = bands
  ),
  file.path(here, "confidence_bands.json"), digits = I(17), na = "null", auto_unbox = TRUE, dataframe = "columns"
)
