# Ratio of ratios of rates: a saturated Poisson regression, errors by customer.
# Run in this folder: Rscript period_rates.R; writes period_rates.json.
library(survival)
library(sandwich)
library(jsonlite)

v <- veteran
v$id <- seq_len(nrow(v))
cuts <- c(0, 30, 90, 180, 1000)
rows <- do.call(rbind, lapply(seq_len(4), function(k) {
  months <- pmax(pmin(v$time, cuts[k + 1]) - cuts[k], 0) / 30.4375
  event <- v$status == 1 & v$time > cuts[k] & v$time <= cuts[k + 1]
  data.frame(id = v$id, trt = v$trt - 1, period = k, months, event = as.integer(event))
}))
around <- rows[rows$period %in% c(2, 3) & rows$months > 0, ]
around$after <- as.integer(around$period == 3)
fit <- glm(event ~ trt * after + offset(log(months)), poisson, around)
errors <- sqrt(diag(vcovCL(fit, cluster = around$id, type = "HC0", cadjust = FALSE)))
write_json(
  list(
    data = list(time = v$time, status = v$status, trt = v$trt), cuts = cuts,
    log_ratio = coef(fit)[["trt:after"]], standard_error = errors[["trt:after"]]
  ),
  "period_rates.json", digits = 15, auto_unbox = TRUE
)
