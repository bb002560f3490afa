# Clone-censor-weight and sequential trials by hand in R; writes target_trials.json.
# Run: Rscript tests/oracles/target_trials.R   (R 4.2.2, survival 3.5-3)
library(survival)
library(jsonlite)

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1]))

# Stanford heart patients in whole days from acceptance; a transplant within 30 days, or none.
# A death on the day of a transplant or of acceptance is moved half a day on.
j <- jasa
day <- function(x) as.numeric(x - j$accept.dt)
end <- pmax(day(j$fu.date), 0.5)
tx <- ifelse(is.na(j$tx.date), Inf, pmax(day(j$tx.date), 1))
end <- ifelse(is.finite(tx) & end <= tx, tx + 0.5, end)
base <- data.frame(id = seq_along(end), end = end, dead = j$fustat, tx = tx, age = as.numeric(j$age), surgery = j$surgery)
grace <- 30
horizon <- 365

cut_days <- function(d, stop, status) {
  d$stop <- stop
  d$status <- status
  survSplit(Surv(stop, status) ~ ., d, cut = 1:grace, episode = "period", start = "start")
}
converged <- glm.control(epsilon = 1e-14, maxit = 100)

# Arm "none": censored at a transplant within the grace period.
over <- base$tx <= grace
stop <- ifelse(over, base$tx, base$end)
none <- cut_days(base, stop, ifelse(over, 0, base$dead))
none$censored <- none$tx <= grace & none$stop == none$tx
risk <- none$period <= grace
fit <- glm(censored ~ age + surgery, binomial, none[risk, ], control = converged)
none$stay <- 1
none$stay[risk] <- 1 - fitted(fit)
none <- none[order(none$id, none$start), ]
none$weight <- ave(1 / none$stay, none$id, FUN = function(x) c(1, cumprod(x)[-length(x)]))

# Arm "transplant": censored on day 30 without one; those with one stand for all followed then.
late <- base$tx > grace & base$end > grace
with_tx <- cut_days(base, ifelse(late, grace, base$end), ifelse(late, 0, base$dead))
there <- base[base$end > grace, ]
deadline <- glm(tx > grace ~ age + surgery, binomial, there, control = converged)
inverse <- setNames(1 / (1 - fitted(deadline)), there$id)
with_tx$weight <- ifelse(with_tx$period > grace, inverse[as.character(with_tx$id)], 1)

area <- function(curve, to) {
  t <- c(0, curve$time[curve$time < to], to)
  s <- c(1, curve$surv[curve$time < to])
  sum(diff(t) * s)
}
arms <- lapply(list(none = none, transplant = with_tx), function(d) {
  curve <- survfit(Surv(start, stop, status) ~ 1, d, weights = weight, cluster = id, id = id, robust = TRUE)
  at <- summary(curve, times = c(30, 100, 365))
  list(
    retention = at$surv, standard_error = at$std.err, restricted_mean = area(curve, horizon),
    person_time = sum(d$stop - d$start), n_exits = sum(d$status)
  )
})
# Influence of every patient on both curves, added over the clones.
influence <- lapply(list(none = none, transplant = with_tx), function(d) {
  curve <- survfit(Surv(start, stop, status) ~ 1, d, weights = weight, cluster = id, id = id, robust = TRUE, influence = 1)
  curve$influence.surv[, findInterval(c(100, 365), curve$time)]
})
move <- influence$transplant - influence$none
difference <- list(
  retention = (arms$transplant$retention - arms$none$retention)[2:3],
  standard_error = sqrt(colSums(as.matrix(move)^2))
)

# Sequential trials: accepted patients as a cohort on the scale of days since acceptance, trials
# at days 7, 14, ..., 56, initiators transplanted in the week before and still followed.
starts <- seq(7, 56, 7)
trials <- do.call(rbind, lapply(starts, function(s) {
  d <- base[base$tx > s - 7 & base$end > s, ]
  d$trial <- s
  d$treated <- as.integer(d$tx <= s)
  d$time <- d$end - s
  d
}))
used <- names(which(tapply(trials$treated, trials$trial, function(x) length(unique(x)) == 2)))
trials <- trials[as.character(trials$trial) %in% used, ]
model <- glm(treated ~ 0 + factor(trial) + age + surgery, binomial, trials, control = converged)
p <- fitted(model)
targets <- list(initiators = ifelse(trials$treated == 1, 1, p / (1 - p)), eligible = ifelse(trials$treated == 1, 1 / p, 1 / (1 - p)))
sequential <- lapply(targets, function(w) {
  lapply(list(initiate = 1, wait = 0), function(arm) {
    chosen <- trials$treated == arm
    curve <- survfit(Surv(time, dead) ~ 1, trials[chosen, ], weights = w[chosen], cluster = id, robust = TRUE)
    at <- summary(curve, times = c(100, 200))
    list(retention = at$surv, standard_error = at$std.err, restricted_mean = area(curve, 200))
  })
})

write_json(
  list(
    survival = as.character(packageVersion("survival")),
    patients = within(base, tx <- ifelse(is.finite(tx), tx, NA)),
    overstepping = as.numeric(coef(fit)), deadline = as.numeric(coef(deadline)),
    arms = arms, difference = difference,
    propensity = as.numeric(coef(model)[c("age", "surgery")]), sequential = sequential,
    n_trials = as.list(table(trials$trial))
  ),
  file.path(here, "target_trials.json"), digits = I(17), na = "null", auto_unbox = TRUE, dataframe = "columns"
)
