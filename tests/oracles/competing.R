# Competing exits by R survival: state probabilities, errors, time lost; writes competing.json.
# Run: Rscript tests/oracles/competing.R   (R 4.2.2, survival 3.5-3)
library(survival)
library(jsonlite)

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1]))

# Monoclonal gammopathy: progression ("pcm") competes with death. Months are whole numbers, so
# ties are heavy. By age, everyone enters late. Age in months keeps the numbers whole.
exit <- with(mgus2, ifelse(pstat == 1, "pcm", ifelse(death == 1, "death", "")))
months <- with(mgus2, ifelse(pstat == 1, ptime, futime))
mgus <- data.frame(
  months = pmax(months, 0.5), exit = exit, age_months = 12 * mgus2$age,
  sex = as.character(mgus2$sex)
)

set.seed(20240301)
n <- 210
ticks <- data.frame(
  start = ifelse(runif(n) < 0.6, 0, floor(runif(n, 0, 9))),
  cluster = rep(seq_len(n / 3), each = 3),
  weight = round(runif(n, 0.2, 3), 3)
)
frailty <- rep(rgamma(n / 3, 2, 2), each = 3)
ticks$stop <- ticks$start + 1 + floor(rexp(n, frailty / 10))
ticks$exit <- sample(c("", "price", "service", "moved"), n, TRUE, c(0.25, 0.3, 0.3, 0.15))

states <- function(fit, times) {
  at <- summary(fit, times = times)
  list(
    time = fit$time, states = fit$states, n_at_risk = fit$n.risk[, 1], pstate = fit$pstate,
    std_err = fit$std.err, lower = fit$lower, upper = fit$upper,
    at_times = times, at_pstate = at$pstate, at_std_err = at$std.err
  )
}
# Area under each state's probability, its error from the residuals within clusters.
areas <- function(fit, horizon, unit) {
  r <- residuals(fit, times = horizon, type = "auc", weighted = TRUE)
  if (nrow(r) == length(unit)) r <- rowsum(r, unit) # else R has collapsed them already
  stopifnot(nrow(r) == length(unique(unit)))
  list(horizon = horizon, area_se = unname(sqrt(colSums(r^2))),
       area = unname(survival:::survmean2(fit, rmean = horizon)$matrix[, "rmean"]))
}
# survfit of several states takes the errors within id and ignores cluster (survival 3.5-3): its
# std.err equals the one without cluster=. The residuals are right, as reweighting one cluster at
# a time and refitting shows (stopifnot below), so the clustered errors come from them.
states_within <- function(fit, times, unit) {
  clustered <- function(at) {
    r <- residuals(fit, times = at, type = "pstate", weighted = TRUE)
    stopifnot(dim(r) == c(length(unit), length(at), length(fit$states)))
    apply(r, 2:3, function(x) sqrt(sum(rowsum(x, unit)^2)))
  }
  found <- states(fit, times)
  found$std_err <- clustered(fit$time)
  found$at_std_err <- clustered(times)
  limits <- survival:::survfit_confint(found$pstate, found$std_err, logse = FALSE, "log-log", 0.95)
  found$lower <- limits$lower
  found$upper <- limits$upper
  found
}
as_states <- function(exit, causes) factor(exit, c("", causes))

kinds <- list()
mgus$person <- seq_len(nrow(mgus))
fit <- survfit(Surv(months, as_states(exit, c("pcm", "death"))) ~ 1, data = mgus, id = person, conf.type = "log-log")
kinds$mgus <- c(states(fit, c(0, 60, 120, 300)), areas(fit, 120, mgus$person))
fit <- survfit(Surv(age_months, age_months + months, as_states(exit, c("pcm", "death"))) ~ 1,
               data = mgus, id = person, conf.type = "log-log")
kinds$mgus_by_age <- states(fit, c(480, 720, 900, 1080))
ticks$person <- seq_len(n)
causes <- c("moved", "price", "service")
fit <- survfit(Surv(start, stop, as_states(exit, causes)) ~ 1, data = ticks, id = person, conf.type = "log-log")
kinds$ticks_plain <- c(states(fit, c(0, 2, 6.5, 15)), areas(fit, 15, ticks$person))
fit <- survfit(Surv(start, stop, as_states(exit, causes)) ~ 1, data = ticks, id = person,
               weights = weight, cluster = cluster, conf.type = "log-log")
kinds$ticks_weighted_clustered <- c(states_within(fit, c(0, 2, 6.5, 15), ticks$cluster), areas(fit, 15, ticks$cluster))

refit <- function(changed) {
  survfit(Surv(start, stop, as_states(exit, causes)) ~ 1, data = ticks, id = person,
          weights = changed, se.fit = FALSE)$pstate
}
slopes <- sapply(unique(ticks$cluster), function(one) {
  step <- ifelse(ticks$cluster == one, 1e-5, 0)
  (refit(ticks$weight * (1 + step)) - refit(ticks$weight * (1 - step))) / 2e-5
})
stopifnot(all.equal(sqrt(rowSums(slopes^2)), c(kinds$ticks_weighted_clustered$std_err), tolerance = 1e-6))

write_json(
  list(survival = as.character(packageVersion("survival")), mgus = mgus, ticks = ticks, kinds = kinds),
  file.path(here, "competing.json"), digits = I(17), na = "null", auto_unbox = TRUE,
  dataframe = "columns", matrix = "columnmajor"
)
