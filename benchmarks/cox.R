# coxph on the rows of a scratch folder: CPU seconds of the fit, coefficients, errors.
library(survival)
given <- commandArgs(trailingOnly = TRUE)
p <- as.integer(given[2])
column <- function(name) {
  path <- file.path(given[1], paste0(name, ".f64"))
  readBin(path, "double", file.size(path) / 8)
}
start <- column("start"); stop <- column("stop"); event <- column("event")
customer <- column("customer")
x <- vapply(seq_len(p), function(j) column(paste0("x", j)), start)
seconds <- numeric()
while (length(seconds) < 5 && sum(seconds) < 4) {
  began <- proc.time()
  if (given[3] == "clustered") {
    fit <- coxph(Surv(start, stop, event) ~ x, cluster = customer)
  } else {
    fit <- coxph(Surv(start, stop, event) ~ x)
  }
  seconds <- c(seconds, sum((proc.time() - began)[1:2]))
}
say <- function(name, values) cat(name, sprintf("%.17g", values), "\n")
say("seconds", min(seconds))
say("coefficient", coef(fit))
say("error", sqrt(diag(vcov(fit))))
