# Rates, shares and ratios of rates by R; writes designs.json.
# Run: Rscript tests/oracles/designs.R   (R 4.2.2, survival 3.5-3)
library(survival)
library(jsonlite)

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1]))

# Exact Poisson limits.
poisson_cases <- lapply(list(c(0, 50), c(1, 12.5), c(10, 100), c(380, 1234.5)), function(x) {
  t <- poisson.test(x[1], x[2])
  list(n_events = x[1], person_time = x[2], rate = unname(t$estimate), limits = as.numeric(t$conf.int))
})

# Wilson's score interval.
share_cases <- lapply(list(c(0, 8), c(3, 8), c(155, 250), c(8, 8)), function(x) {
  t <- prop.test(x[1], x[2], correct = FALSE)
  list(n_with = x[1], n = x[2], limits = as.numeric(t$conf.int))
})

# Ratio of rate ratios as the interaction of a Poisson regression.
cells <- data.frame(
  group = c("covered", "covered", "exempt", "exempt"), after = c(0, 1, 0, 1),
  events = c(120, 95, 60, 31), time = c(10000.5, 4200.25, 5100, 2500.75)
)
fit <- glm(events ~ I(group == "covered") * after + offset(log(time)), poisson, cells,
  control = glm.control(epsilon = 1e-12, maxit = 100)
)
s <- summary(fit)$coefficients
term <- nrow(s)
ratio <- list(
  cells = cells, log_ratio = s[term, 1], standard_error = s[term, 2], p_value = s[term, 4]
)

# Person-time and events by interval of follow-up, lung cancer veterans (days).
cuts <- c(0, 30, 90, 180, 365, 1000)
band <- tcut(rep(0, nrow(veteran)), cuts)
py <- pyears(Surv(time, status) ~ band, veteran, scale = 1)
intervals <- list(
  time = veteran$time, status = veteran$status, cuts = cuts,
  person_time = as.numeric(py$pyears), n_events = as.numeric(py$event)
)

# Two groups from a common time zero, the same veterans by treatment.
curve <- survfit(Surv(time, status) ~ trt, veteran)
table <- summary(curve, rmean = 365)$table
at <- summary(curve, times = c(30, 180, 365))
cox <- coxph(Surv(time, status) ~ I(trt == 2) + cluster(seq_len(nrow(veteran))), veteran)
# The log-rank test with errors by customer: the robust score test at 0.
test <- coxph(Surv(time, status) ~ trt, veteran, cluster = seq_len(nrow(veteran)), ties = "breslow",
              control = coxph.control(iter.max = 0))
contrast <- list(
  trt = veteran$trt, rmean = as.numeric(table[, "rmean"]), rmean_error = as.numeric(table[, "se(rmean)"]),
  retention = at$surv, std_err = at$std.err, coefficient = unname(coef(cox)),
  robust_error = sqrt(vcov(cox)[1, 1]), zph_p = cox.zph(cox)$table["GLOBAL", "p"],
  logrank_p = pchisq(c(test$rscore), 1, lower.tail = FALSE)
)

write_json(
  list(
    poisson = poisson_cases, share = share_cases, ratio = ratio, intervals = intervals,
    contrast = contrast
  ),
  file.path(here, "designs.json"),
  digits = NA, auto_unbox = TRUE
)
