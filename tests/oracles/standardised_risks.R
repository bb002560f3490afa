# Standardised risks (the g-formula) by riskRegression::ate, with its influence-function errors:
# Cox models with strata and products of the group, which are models by group.
# Run in this folder: Rscript standardised_risks.R
suppressMessages({
  library(survival)
  library(riskRegression)
  library(jsonlite)
})

read_table <- function(fit) {
  table <- as.data.frame(data.table::as.data.table(fit))
  take <- function(type, level) {
    own <- table[table$type == type & table$level == level, ]
    list(time = own$time, value = own$estimate, error = own$se)
  }
  list(reference = take("meanRisk", "0"), exposed = take("meanRisk", "1"),
       difference = take("diffRisk", "0.1"))
}
strict <- coxph.control(eps = 1e-14, toler.chol = 1e-15, iter.max = 50)

v <- veteran
v$a <- factor(as.numeric(v$trt == 2))
cox <- coxph(Surv(time, status) ~ strata(a) + age:a + karno:a, data = v, ties = "efron",
             x = TRUE, y = TRUE, control = strict)
# Times are made distinct: ate treats ties otherwise in its errors.
v <- v[order(v$time), ]
v$time <- v$time + seq_len(nrow(v)) / 1e4
untied <- ate(event = update(cox, data = v), treatment = "a", data = v, times = c(60, 180),
              estimator = "GFORMULA", se = TRUE, verbose = FALSE)

# Competing causes: progression (1) against death (2).
m <- mgus2[complete.cases(mgus2[, c("age", "mspike", "hgb")]), ]
m$time <- ifelse(m$pstat == 1, m$ptime, m$futime)
m$cause <- ifelse(m$pstat == 1, 1, 2 * m$death)
m$a <- factor(as.numeric(m$sex == "M"))
m <- m[order(m$time, m$id), ]
m$time <- m$time + seq_len(nrow(m)) / 1e4
specific <- CSC(Hist(time, cause) ~ strata(a) + age:a + hgb:a, data = m, surv.type = "hazard")
competing <- ate(event = specific, treatment = "a", data = m, times = c(60, 120), cause = 1,
                 estimator = "GFORMULA", se = TRUE, verbose = FALSE, product.limit = FALSE)

write_json(list(
  untied = c(list(data = list(stop = v$time, event = v$status, treated = as.numeric(v$a == "1"),
                              age = v$age, karno = v$karno)), read_table(untied)),
  mgus2 = c(list(data = list(stop = m$time, cause = m$cause, male = as.numeric(m$a == "1"),
                             age = m$age, hgb = m$hgb)),
            read_table(competing))
), "standardised_risks.json", digits = NA, auto_unbox = TRUE)
