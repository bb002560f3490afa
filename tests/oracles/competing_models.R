# Gray's test, cause-specific Cox models, Fine and Gray; writes competing_models.json.
# Run: Rscript tests/oracles/competing_models.R   (R 4.2.2, survival 3.5-3, cmprsk 2.2-11)
library(survival)
library(cmprsk)
library(jsonlite)

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1]))

mgus <- with(mgus2, data.frame(
  months = ifelse(pstat == 1, ptime, futime), exit = ifelse(pstat == 1, "pcm", ifelse(death == 1, "death", "")),
  age = age, male = as.integer(sex == "M"), third = cut(age, c(0, 64, 76, 200), labels = c("young", "mid", "old"))
))
mgus$third <- as.character(mgus$third)
code <- function(exit, cause) ifelse(exit == cause, 1, ifelse(exit == "", 0, 2))

gray <- function(cause, group, ...) {
  test <- cuminc(mgus$months, code(mgus$exit, cause), mgus[[group]], ...)$Tests["1", ]
  list(statistic = unname(test["stat"]), p_value = unname(test["pv"]), df = unname(test["df"]))
}
tests <- list()
for (cause in c("pcm", "death")) {
  tests[[paste0(cause, "_male")]] <- gray(cause, "male")
  tests[[paste0(cause, "_third")]] <- gray(cause, "third")
  tests[[paste0(cause, "_third_rho")]] <- gray(cause, "third", rho = 1)
  tests[[paste0(cause, "_third_strata")]] <- gray(cause, "third", strata = mgus$male)
}

control <- coxph.control(eps = 1e-12, toler.chol = 1e-13, iter.max = 50)
# Incidence for a given customer from one fit per cause: matrix exponential of the joint hazards.
person <- data.frame(age = 70, male = 1)
fit_causes <- function(ties) {
  lapply(c(pcm = "pcm", death = "death"), function(cause) {
    coxph(Surv(months, exit == cause) ~ age + male, mgus, control = control, ties = ties)
  })
}
time <- sort(unique(mgus$months))
join <- function(fits) {
  steps <- sapply(fits, function(fit) diff(c(0, survfit(fit, newdata = person)$cumhaz)))
  state <- c(1, 0, 0)
  t(sapply(seq_along(time), function(t) {
    h <- matrix(0, 3, 3)
    h[1, 2:3] <- steps[t, ]
    diag(h) <- -rowSums(h)
    state <<- as.vector(state %*% survival:::survexpm(h))
  }))
}
# survfit of a multi-state coxph does the same, but in survival 3.5-3 only with Breslow's ties (its
# Efron baselines are not those of the single fits) and with covariates of mean 0.
centred <- transform(mgus, status = factor(exit, c("", "pcm", "death")), id = seq_along(exit),
                     age = age - mean(age), male = male - mean(male))
joint <- survfit(coxph(Surv(months, status) ~ age + male, centred, id = id, control = control, ties = "breslow"),
                 newdata = with(mgus, data.frame(age = 70 - mean(age), male = 1 - mean(male))))
stopifnot(all.equal(unname(joint$pstate[, 1, ]), join(fit_causes("breslow"))[match(joint$time, time), ],
                    tolerance = 1e-8))
fits <- fit_causes("efron")
shares <- join(fits)
risk <- list(
  coef = lapply(fits, function(fit) unname(coef(fit))),
  se = lapply(fits, function(fit) unname(sqrt(diag(fit$var)))),
  time = time, retention = shares[, 1], pcm = shares[, 2], death = shares[, 3]
)

set.seed(20240313)
n <- 260
x1 <- rbinom(n, 1, 0.5)
x2 <- round(rnorm(n), 2)
plan <- sample(c("basic", "plus"), n, TRUE)
leaves <- rexp(n, 0.1 * exp(0.5 * x1 - 0.3 * x2))
cause <- sample(c("price", "moved"), n, TRUE)
entry <- ifelse(runif(n) < 0.5, 0, runif(n, 0, 5))
end <- entry + runif(n, 2, 20)
prompt <- data.frame(id = 1:n, start = 0, stop = pmin(leaves, end), exit = ifelse(leaves <= end, cause, ""), x1, x2, plan)
late <- data.frame(id = 1:n, start = entry, stop = pmin(leaves, end), exit = ifelse(leaves <= end, cause, ""), x1, x2, plan)
late <- late[leaves > entry, ]
ticks <- transform(late, start = floor(start), stop = floor(stop) + 1)

fine_gray <- function(data, stratified = FALSE) {
  data$status <- factor(data$exit, c("", "price", "moved"))
  data$who <- data$id
  data$kind <- data$plan
  if (stratified) {
    rows <- finegray(Surv(start, stop, status) ~ x1 + x2 + who + kind + strata(plan), data, id = id, etype = "price")
    fit <- coxph(Surv(fgstart, fgstop, fgstatus) ~ x1 + x2 + strata(kind), rows, weights = fgwt, cluster = who, control = control)
  } else {
    rows <- finegray(Surv(start, stop, status) ~ x1 + x2 + who, data, id = id, etype = "price")
    fit <- coxph(Surv(fgstart, fgstop, fgstatus) ~ x1 + x2, rows, weights = fgwt, cluster = who, control = control)
  }
  base <- survfit(fit, newdata = data.frame(x1 = 1, x2 = 0.5))
  list(coef = unname(coef(fit)), covariance = fit$var, time = base$time[base$n.event > 0],
       incidence = 1 - base$surv[base$n.event > 0])
}
models <- list(prompt = fine_gray(prompt), late = fine_gray(late), ticks = fine_gray(ticks),
               late_strata = fine_gray(late, TRUE))
peer <- crr(prompt$stop, code(prompt$exit, "price"), prompt[c("x1", "x2")], gtol = 1e-10)
models$prompt$crr_coef <- unname(peer$coef)
models$prompt$crr_se <- sqrt(diag(peer$var))

write_json(
  list(survival = as.character(packageVersion("survival")), cmprsk = as.character(packageVersion("cmprsk")),
       mgus = mgus, tests = tests, risk = risk, prompt = prompt, late = late, ticks = ticks, models = models),
  file.path(here, "competing_models.json"), digits = I(17), na = "null", auto_unbox = TRUE,
  dataframe = "columns", matrix = "columnmajor"
)
