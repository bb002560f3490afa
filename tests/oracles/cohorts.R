# Retention by cohort under delayed entry by R survival; writes cohorts.json.
# Run: Rscript tests/oracles/cohorts.R   (R 4.2.2, survival 3.5-3)
library(survival)
library(jsonlite)

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1]))

# Accepted before or after mid-1970; the transplanted wait of each patient makes split rows.
h <- transform(heart, cohort = ifelse(year < 3, "early", "late"))
times <- c(0, 30, 100, 365, 700)
cohorts <- list()
for (label in c("early", "late")) {
  fit <- survfit(Surv(start, stop, event) ~ 1, h, subset = cohort == label, id = id, cluster = id, conf.type = "log-log")
  at <- summary(fit, times = times)
  cohorts[[label]] <- list(time = at$time, retention = at$surv, standard_error = at$std.err, n_at_risk = at$n.risk)
}
write_json(
  list(survival = as.character(packageVersion("survival")),
       heart = h[c("start", "stop", "event", "id", "cohort")], times = times, cohorts = cohorts),
  file.path(here, "cohorts.json"), digits = I(17), na = "null", auto_unbox = TRUE, dataframe = "columns"
)
