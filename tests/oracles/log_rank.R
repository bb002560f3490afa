# Log-rank tests by R survival; writes log_rank.json.
# Run: Rscript tests/oracles/log_rank.R   (R 4.2.2, survival 3.5-3)
library(survival)
library(jsonlite)

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1]))

set.seed(20240610)
n <- 240
ticks <- data.frame(
  start = ifelse(runif(n) < 0.5, 0, floor(runif(n, 0, 8))), # half enter late
  cluster = rep(seq_len(n / 3), each = 3),
  plan = sample(c("basic", "plus", "pro"), n, TRUE),
  region = sample(c("north", "south"), n, TRUE),
  weight = round(runif(n, 0.2, 3), 3)
)
rate <- c(basic = 1, plus = 0.7, pro = 0.5)[ticks$plan] * rep(rgamma(n / 3, 2, 2), each = 3)
ticks$stop <- ticks$start + 1 + floor(rexp(n, rate / 9)) # whole days: heavy ties
ticks$event <- as.integer(runif(n) < 0.7)
ticks$person <- seq_len(n)

right_censored <- function(formula, data, rho) {
  fit <- survdiff(formula, data, rho = rho)
  total <- function(x) unname(if (is.matrix(x)) rowSums(x) else x)
  list(chisq = fit$chisq, observed = total(fit$obs), expected = total(fit$exp), covariance = fit$var)
}
tests <- list(
  veteran_0 = right_censored(Surv(time, status) ~ celltype, veteran, 0),
  veteran_1 = right_censored(Surv(time, status) ~ celltype, veteran, 1),
  veteran_half = right_censored(Surv(time, status) ~ celltype, veteran, 0.5),
  veteran_strata_0 = right_censored(Surv(time, status) ~ celltype + strata(trt), veteran, 0),
  veteran_strata_1 = right_censored(Surv(time, status) ~ celltype + strata(trt), veteran, 1)
)

# Delayed entry: the score test of the exact partial likelihood at 0 has the hypergeometric
# covariance; the robust one squares the Breslow score residuals at 0 within clusters. The exact
# likelihood sums over all ways to choose the tied events, so these rows have few ties.
at_zero <- coxph.control(iter.max = 0)
exact <- function(formula, data) coxph(formula, data, ties = "exact", control = at_zero)$score
tenths <- transform(ticks, stop = start + round(10 * (stop - start - runif(n)) + 1) / 10)
delayed <- list(
  tenths = exact(Surv(start, stop, event) ~ plan, tenths),
  tenths_strata = exact(Surv(start, stop, event) ~ plan + strata(region), tenths),
  heart = exact(Surv(start, stop, event) ~ transplant, heart)
)
clustered <- list(
  ticks_clustered = coxph(Surv(start, stop, event) ~ plan, ticks, ties = "breslow",
                          cluster = cluster, control = at_zero)$rscore,
  ticks_weighted = coxph(Surv(start, stop, event) ~ plan, ticks, ties = "breslow",
                         weights = weight, cluster = person, control = at_zero)$rscore,
  ticks_all = coxph(Surv(start, stop, event) ~ plan + strata(region), ticks, ties = "breslow",
                    weights = weight, cluster = cluster, control = at_zero)$rscore,
  cgd_clustered = coxph(Surv(tstart, tstop, status) ~ treat, cgd, ties = "breslow",
                        cluster = id, control = at_zero)$rscore
)

types <- levels(veteran$celltype)
pairs <- t(combn(sort(types), 2))
p <- apply(pairs, 1, function(pair) {
  fit <- survdiff(Surv(time, status) ~ celltype, veteran, subset = celltype %in% pair)
  pchisq(fit$chisq, 1, lower.tail = FALSE)
})

write_json(
  list(
    survival = as.character(packageVersion("survival")),
    veteran = transform(veteran[c("time", "status", "trt", "celltype")], celltype = as.character(celltype)),
    celltypes = types, ticks = ticks, tenths = tenths[c("start", "stop", "event", "plan", "region")],
    heart = transform(heart[c("start", "stop", "event", "transplant")], transplant = as.character(transplant)),
    cgd = transform(cgd[c("tstart", "tstop", "status", "treat", "id")], treat = as.character(treat)),
    tests = tests, delayed = delayed, clustered = clustered,
    pairs = list(group_a = pairs[, 1], group_b = pairs[, 2], p_value = p, p_value_holm = p.adjust(p, "holm"))
  ),
  file.path(here, "log_rank.json"), digits = I(17), na = "null", auto_unbox = TRUE, dataframe = "columns"
)
