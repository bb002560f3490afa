# survfit on the customers of a scratch folder: CPU seconds, curve and errors at a few days.
library(survival)
given <- commandArgs(trailingOnly = TRUE)
column <- function(name) {
  path <- file.path(given[1], paste0(name, ".f64"))
  readBin(path, "double", file.size(path) / 8)
}
start <- column("start"); stop <- column("stop"); cause <- column("cause")
state <- factor(cause, 0:3, c("", "life event", "price", "service"))
asked <- c(50, 100, 200, 400, 600)
work <- given[2]; horizon <- as.numeric(given[3])
id <- seq_along(start)
seconds <- numeric()
while (length(seconds) < 5 && sum(seconds) < 4) {
  began <- proc.time()
  if (work == "aalen-johansen") {
    fit <- survfit(Surv(start, stop, state) ~ 1, id = id)
  } else {
    fit <- survfit(Surv(start, stop, cause > 0) ~ 1)
    if (work == "restricted mean") mean <- summary(fit, rmean = horizon)$table
  }
  seconds <- c(seconds, sum((proc.time() - began)[1:2]))
}
say <- function(name, values) cat(name, sprintf("%.17g", values), "\n")
say("seconds", min(seconds))
if (work == "aalen-johansen") {
  read <- summary(fit, times = asked)
  say("curve", read$pstate[, -1])
  say("error", read$std.err[, -1])
} else if (work == "restricted mean") {
  say("curve", mean[["rmean"]])
  say("error", mean[["se(rmean)"]])
} else {
  read <- summary(fit, times = asked)
  say("curve", read$surv)
  say("error", read$std.err)
}
