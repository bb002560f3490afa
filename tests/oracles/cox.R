# Cox models and tests of proportional hazards by R survival; writes cox.json.
# Run: Rscript tests/oracles/cox.R   (R 4.2.2, survival 3.5-3)
library(survival)
library(jsonlite)

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1]))

set.seed(20240302)
n <- 270
ticks <- data.frame(
  start = ifelse(runif(n) < 0.5, 0, floor(runif(n, 0, 8))),
  cluster = rep(seq_len(n / 3), each = 3),
  plan = sample(c("basic", "plus", "pro"), n, TRUE),
  x1 = rbinom(n, 1, 0.4), x2 = round(rnorm(n, 50, 12), 1),
  weight = round(runif(n, 0.2, 3), 3)
)
ticks$x3 <- round(0.6 * (ticks$x2 - 50) / 12 + rnorm(n), 3)
risk <- exp(0.7 * ticks$x1 - 0.02 * (ticks$x2 - 50)) * rep(rgamma(n / 3, 2, 2), each = 3)
ticks$stop <- ticks$start + 1 + floor(rexp(n, risk / 9)) # whole days: heavy ties
ticks$person <- seq_len(n)
ticks$event <- as.integer(runif(n) < 0.7)

fits <- list()
describe <- function(fit, reference) {
  hazard <- basehaz(fit, centered = FALSE)
  jumps <- c(TRUE, diff(hazard$hazard) != 0)
  if (!is.null(hazard$strata)) {
    jumps <- jumps | c(TRUE, hazard$strata[-1] != hazard$strata[-nrow(hazard)])
  }
  scho <- residuals(fit, type = "schoenfeld")
  transforms <- c("km", "rank", "identity", "log")
  list(
    names = names(coef(fit)), coef = unname(coef(fit)), n_events = fit$nevent,
    naive_se = unname(sqrt(diag(if (is.null(fit$naive.var)) fit$var else fit$naive.var))),
    se = unname(sqrt(diag(fit$var))), covariance = fit$var, log_likelihood = fit$loglik,
    # A stratum's first row may come before its first event: rows with hazard 0 are left out.
    baseline = hazard[jumps & hazard$hazard > 0, ],
    schoenfeld_sums = unname(colSums(as.matrix(scho)^2)),
    zph = lapply(setNames(transforms, transforms), function(t) unname(cox.zph(fit, transform = t)$table[, 1]))
  )
}

control <- coxph.control(eps = 1e-12, toler.chol = 1e-13, iter.max = 50)
h <- transform(heart, transplanted = as.integer(transplant == "1"))
fits$heart <- describe(coxph(Surv(start, stop, event) ~ age + year + surgery + transplanted, h,
                             cluster = id, control = control))
fits$heart_naive <- describe(coxph(Surv(start, stop, event) ~ age + year + surgery + transplanted, h,
                                   control = control))
fits$bladder <- describe(coxph(Surv(start, stop, event) ~ rx + number + size + strata(enum), bladder2,
                               cluster = id, control = control))
g <- transform(cgd, treated = as.integer(treat == "rIFN-g"), steroids = as.integer(steroids))
fits$cgd <- describe(coxph(Surv(tstart, tstop, status) ~ treated + age + steroids, g, cluster = id,
                           control = control))
fits$veteran <- describe(coxph(Surv(time, status) ~ trt + karno + age + diagtime, veteran,
                               control = control))
fits$ticks <- describe(coxph(Surv(start, stop, event) ~ x1 + x2 + x3, ticks, control = control))
fits$ticks_clustered <- describe(coxph(Surv(start, stop, event) ~ x1 + x2 + x3, ticks,
                                       cluster = cluster, control = control))
fits$ticks_weighted <- describe(coxph(Surv(start, stop, event) ~ x1 + x2 + x3, ticks,
                                      weights = weight, id = person, robust = TRUE, control = control))
fits$ticks_all <- describe(coxph(Surv(start, stop, event) ~ x1 + x2 + x3 + strata(plan), ticks,
                                 weights = weight, cluster = cluster, control = control))

write_json(
  list(
    survival = as.character(packageVersion("survival")), fits = fits, ticks = ticks,
    heart = h[c("start", "stop", "event", "age", "year", "surgery", "transplanted", "id")],
    bladder = bladder2[c("start", "stop", "event", "rx", "number", "size", "enum", "id")],
    cgd = g[c("tstart", "tstop", "status", "treated", "age", "steroids", "id")],
    veteran = veteran[c("time", "status", "trt", "karno", "age", "diagtime")]
  ),
  file.path(here, "cox.json"), digits = I(17), na = "null", auto_unbox = TRUE,
  dataframe = "columns", matrix = "columnmajor"
)
