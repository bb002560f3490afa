# Two cancer trials: recurrence and death by R survival and cmprsk; writes colon_rotterdam.json.
# Run: Rscript tests/oracles/colon_rotterdam.R   (R 4.2.2, survival 3.5-3, cmprsk 2.2-11)
library(survival)
library(cmprsk)
library(jsonlite)

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1]))
control <- coxph.control(eps = 1e-12, toler.chol = 1e-13, iter.max = 50)

# Colon cancer, all 929 patients, two lines each: time to recurrence and to death.
col <- with(colon, data.frame(
  id, etype, time, status, rx = as.character(rx), lev = as.integer(rx == "Lev"),
  lev_5fu = as.integer(rx == "Lev+5FU"), node4, extent
))

# Marginal models of both events in one fit, a baseline each, clustered by patient.
describe <- function(fit) {
  list(names = names(coef(fit)), coef = unname(coef(fit)),
       naive_se = unname(sqrt(diag(if (is.null(fit$naive.var)) fit$var else fit$naive.var))),
       covariance = unname(fit$var), log_likelihood = fit$loglik)
}
marginal <- coxph(Surv(time, status) ~ lev + lev_5fu + node4 + extent + strata(etype), col,
                  cluster = id, control = control)

# Death by treatment: log-rank, and within strata of the extent of the tumour.
death <- col[col$etype == 2, ]
test <- function(formula) {
  fit <- survdiff(formula, death)
  total <- function(x) unname(if (is.matrix(x)) rowSums(x) else x)
  list(chisq = fit$chisq, observed = total(fit$obs), expected = total(fit$exp))
}
tests <- list(plain = test(Surv(time, status) ~ rx),
              strata = test(Surv(time, status) ~ rx + strata(extent)))

# Three states: free of disease, recurrence, death. Recurrence found at death is put half a day
# earlier.
relapse <- col[col$etype == 1, ]
relapse <- relapse[match(death$id, relapse$id), ]
seen <- relapse$status == 1
at <- ifelse(seen & relapse$time == death$time, death$time - 0.5, relapse$time)
first <- data.frame(death[c("id", "lev", "lev_5fu", "node4")], start = 0,
                    stop = ifelse(seen, at, death$time), from = "free",
                    to = ifelse(seen, "recurrence", ifelse(death$status == 1, "death", "")))
then <- data.frame(death[c("id", "lev", "lev_5fu", "node4")], start = at, stop = death$time,
                   from = "recurrence", to = ifelse(death$status == 1, "death", ""))[seen, ]
states <- rbind(first, then)
states <- states[order(states$id, states$start), ]
states$state <- factor(states$to, c("", "recurrence", "death"))
kinds <- c("free", "recurrence", "death")
fit <- survfit(Surv(start, stop, state) ~ 1, states, id = id, istate = factor(from, kinds))
times <- c(180, 365, 730, 1095, 1825, 2555)
near <- summary(fit, times = times)
put <- match(kinds, fit$states)
area <- residuals(fit, times = 1825, type = "auc")
area <- rowsum(matrix(area, ncol = 3), if (nrow(area) == nrow(states)) states$id else seq_len(nrow(area)))
moves <- list(c("free", "recurrence"), c("free", "death"), c("recurrence", "death"))
hazards <- lapply(moves, function(move) {
  rows <- states[states$from == move[1], ]
  one <- survfit(Surv(start, stop, to == move[2]) ~ 1, rows, robust = TRUE, id = id)
  look <- findInterval(times, one$time)
  list(from = move[1], to = move[2], cumhaz = c(0, one$cumhaz)[look + 1],
       std_err = c(0, one$std.chaz)[look + 1])
})
# Area under each share. The table of summary(fit, rmean =) starts at the first observed time and
# so leaves the days before it out of the first state (survival 3.5-3).
edges <- c(0, fit$time[fit$time < 1825], 1825)
means <- colSums(rbind(fit$p0, fit$pstate)[seq_len(length(edges) - 1), ] * diff(edges))
short <- means - survival:::survmean2(fit, rmean = 1825)$matrix[, "rmean"]
stopifnot(all.equal(unname(short[put]), c(min(fit$time), 0, 0)))
curve <- list(
  states = kinds, times = times, pstate = unname(near$pstate[, put]),
  std_err = unname(near$std.err[, put]), horizon = 1825, area = unname(means[put]),
  area_std_err = sqrt(colSums(area^2))[put], hazards = hazards
)

# One Cox model for all moves by coxph's own multi-state formula; R orders coefficients by move.
joint <- coxph(Surv(start, stop, state) ~ lev + lev_5fu + node4, states, id = id,
               istate = factor(from, kinds), control = control)
transitions <- describe(joint)
map <- joint$cmap[c("lev", "lev_5fu", "node4"), ]
number <- match(sub(":.*", "", colnames(map)), seq_along(joint$states))
goal <- match(sub(".*:", "", colnames(map)), seq_along(joint$states))
labels <- character(length(coef(joint)))
for (j in seq_len(ncol(map))) {
  labels[map[, j]] <- paste0(rownames(map), ": ", joint$states[number[j]], " -> ", joint$states[goal[j]])
}
transitions$names <- labels

# Breast cancer, every third of the 2,982 patients, to keep the file small.
rot <- rotterdam[seq(1, nrow(rotterdam), by = 3), ]
rot <- with(rot, data.frame(
  age, meno, size_mid = as.integer(size == "20-50"), size_large = as.integer(size == ">50"), grade,
  nodes, hormon, chemo, death, dtime, time = ifelse(recur == 1, rtime, dtime),
  exit = ifelse(recur == 1, "recurrence", ifelse(death == 1, "death", ""))
))
names_of <- c("age", "meno", "size_mid", "size_large", "grade", "nodes", "hormon", "chemo")
years <- c(365, 1095, 1825, 3650)
groups <- lapply(split(rot, rot$chemo), function(rows) {
  fit <- survfit(Surv(dtime, death) ~ 1, rows, conf.type = "log-log")
  at <- summary(fit, times = years)
  q <- quantile(fit, 0.25)
  list(retention = at$surv, standard_error = at$std.err, ci_lower = at$lower, ci_upper = at$upper,
       n_at_risk = at$n.risk, quarter = c(q$quantile, q$lower, q$upper),
       rmean = unname(summary(fit, rmean = 3650)$table[c("rmean", "se(rmean)")]))
})
formula <- reformulate(names_of, "Surv(dtime, death)")
cox <- coxph(formula, rot, control = control)
base <- survfit(cox, newdata = as.data.frame(as.list(setNames(c(55, 1, 1, 0, 3, 2, 0, 0), names_of))),
                conf.type = "log-log")
at <- summary(base, times = years)
cox_rot <- c(describe(cox), list(
  zph = unname(cox.zph(cox, transform = "km", terms = FALSE)$table[, 1]),
  retention = at$surv, ci_lower = at$lower, ci_upper = at$upper,
  concordance = unname(c(cox$concordance["concordance"], cox$concordance["std"]))
))

# Recurrence, with death before it competing.
rot$state <- factor(rot$exit, c("", "recurrence", "death"))
rot$id <- seq_len(nrow(rot))
both <- survfit(Surv(time, state) ~ 1, rot, id = id)
at <- summary(both, times = years)
incidence <- list(recurrence = at$pstate[, 2], death = at$pstate[, 3],
                  recurrence_error = at$std.err[, 2], death_error = at$std.err[, 3])
code <- match(rot$exit, c("recurrence", "death"), nomatch = 0)
gray <- cuminc(rot$time, code, rot$chemo)$Tests["1", c("stat", "pv")]
rows <- finegray(reformulate(c(names_of, "id"), "Surv(time, state)"), rot, etype = "recurrence")
sub <- coxph(reformulate(names_of, "Surv(fgstart, fgstop, fgstatus)"), rows, weights = fgwt,
             cluster = id, control = control)
peer <- crr(rot$time, code, as.matrix(rot[names_of]), gtol = 1e-9)
fine_gray <- c(describe(sub), list(crr_coef = unname(peer$coef), crr_se = sqrt(diag(peer$var))))

# Accelerated failure times of death.
failure_times <- lapply(c(weibull = "weibull", lognormal = "lognormal", loglogistic = "loglogistic"),
  function(dist) {
    f <- survreg(formula, rot, dist = dist, control = survreg.control(rel.tolerance = 1e-13, maxiter = 200))
    list(coef = unname(coef(f)), log_scale = log(f$scale), covariance = unname(f$var),
         log_likelihood = f$loglik[2])
  })

write_json(
  list(
    survival = as.character(packageVersion("survival")), cmprsk = as.character(packageVersion("cmprsk")),
    colon = col, colon_states = states[c("id", "start", "stop", "from", "to", "lev", "lev_5fu", "node4")],
    marginal = describe(marginal), tests = tests, curve = curve, transitions = transitions,
    rotterdam = rot[c(names_of, "death", "dtime", "time", "exit")], covariates = names_of,
    years = years, groups = unname(groups), cox = cox_rot, incidence = incidence,
    gray = unname(gray), fine_gray = fine_gray, failure_times = failure_times
  ),
  file.path(here, "colon_rotterdam.json"), digits = I(17), na = "null", auto_unbox = TRUE,
  dataframe = "columns", matrix = "columnmajor"
)
