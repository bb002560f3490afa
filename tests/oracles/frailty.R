# Shared frailty beside clustered errors by R survival; writes frailty.json.
# Run: Rscript tests/oracles/frailty.R   (R 4.2.2, survival 3.5-3)
library(survival)
library(jsonlite)

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1]))
control <- coxph.control(eps = 1e-12, toler.chol = 1e-13, iter.max = 50)

# Repeated contacts of 200 customers over a year: rate 3 x frailty x exp(0.5 x), frailty gamma
# with variance 0.6. Days are whole.
set.seed(20240404)
n <- 200
contacts <- do.call(rbind, lapply(seq_len(n), function(id) {
  x <- id %% 2
  rate <- 3 * rgamma(1, 1 / 0.6, 1 / 0.6) * exp(0.5 * x) / 365
  days <- sort(unique(ceiling(365 * runif(rpois(1, 365 * rate)))))
  days <- days[days < 365]
  data.frame(id = id, x = x, start = c(0, days), stop = c(days, 365),
             event = rep(1:0, c(length(days), 1)))
}))
# Households of three that leave once: hazard frailty x exp(0.5 x) / 200, frailty as above.
m <- 200
homes <- data.frame(id = rep(seq_len(m), each = 3), x = rbinom(3 * m, 1, 0.5))
frail <- rep(rgamma(m, 1 / 0.6, 1 / 0.6), each = 3)
leaves <- ceiling(rexp(3 * m, frail * exp(0.5 * homes$x) / 200))
homes <- transform(homes, start = 0, stop = pmin(leaves, 365), event = as.integer(leaves <= 365))

compare <- function(rows) {
  naive <- coxph(Surv(start, stop, event) ~ x, rows, control = control)
  robust <- coxph(Surv(start, stop, event) ~ x, rows, cluster = id, control = control)
  # The control above stops the inner loop of the frailty too late to be stable.
  frailty <- coxph(Surv(start, stop, event) ~ x + frailty(id, distribution = "gamma"), rows)
  list(
    coef = unname(coef(robust)), naive_se = sqrt(naive$var[1]), robust_se = sqrt(robust$var[1]),
    frailty_coef = unname(coef(frailty)["x"]), frailty_se = sqrt(frailty$var[1]),
    frailty_variance = frailty$history[[1]]$theta
  )
}
write_json(
  list(survival = as.character(packageVersion("survival")), contacts = contacts, homes = homes,
       fits = list(contacts = compare(contacts), homes = compare(homes))),
  file.path(here, "frailty.json"), digits = I(17), na = "null", auto_unbox = TRUE,
  dataframe = "columns", matrix = "columnmajor"
)
print(unlist(compare(contacts)))
print(unlist(compare(homes)))
