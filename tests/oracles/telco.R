# The telecom sample with delayed entry, by R survival; writes telco.json (totals only, no rows).
# Run: LOYALTYLAB_TELCO=path/to/telco.csv Rscript tests/oracles/telco.R   (R 4.2.2, survival 3.5-3)
library(survival)
library(jsonlite)

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1]))
telco <- read.csv(Sys.getenv("LOYALTYLAB_TELCO"))
telco$entry <- pmax(telco$tenure - 3, 0)
telco$event <- telco$Churn == "Yes"
observed <- telco[telco$tenure > 0, ]
months <- c(1, 3, 6, 12, 24)

read <- function(fit) {
  at <- summary(fit, times = months)
  list(
    months = months, n_risk = at$n.risk, retention = at$surv, std_err = at$std.err,
    lower = at$lower, upper = at$upper
  )
}
late <- survfit(Surv(entry, tenure, event) ~ 1, observed, conf.type = "log-log")
naive <- survfit(Surv(tenure, event) ~ 1, observed, conf.type = "log-log")
mean24 <- summary(late, rmean = 24)$table

# Cox with delayed entry on two attributes that nothing repeats.
cox <- coxph(
  Surv(entry, tenure, event) ~ I(Contract == "One year") + I(Contract == "Two year") +
    I(PaperlessBilling == "No"),
  observed
)
write_json(
  list(
    rows = nrow(telco), observed = nrow(observed), events = sum(observed$event),
    delayed_entry = read(late), naive = read(naive),
    restricted_mean = unname(mean24["rmean"]), restricted_mean_error = unname(mean24["se(rmean)"]),
    coefficients = unname(coef(cox)), errors = unname(sqrt(diag(vcov(cox)))),
    zph = unname(cox.zph(cox)$table["GLOBAL", ])
  ),
  file.path(here, "telco.json"),
  digits = NA, auto_unbox = TRUE
)
