# Actuarial life tables by KMsurv and Turnbull's estimator by R survival; writes grouped_times.json.
# Run: Rscript tests/oracles/grouped_times.R   (R 4.2.2, survival 3.5-3, KMsurv 0.1-5)
library(survival)
library(KMsurv)
library(jsonlite)

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1]))

v <- veteran[c("time", "status")]
cuts <- c(0, 30, 60, 90, 180, 270, 360, 540)
bin <- cut(v$time, cuts) # (lower, upper]
counts <- function(status) as.vector(table(bin[v$status == status]))
tab <- lifetab(cuts, sum(table(bin)) + sum(is.na(bin)), counts(0), counts(1))

set.seed(20240613)
n <- 150
life <- rweibull(n, 1.3, 9)
looks <- data.frame(left = numeric(n), right = numeric(n))
for (i in seq_len(n)) {
  seen <- c(0, sort(sample(1:16, 5))) # bills looked at in five months
  looks$left[i] <- max(seen[seen < life[i]])
  looks$right[i] <- if (any(seen >= life[i])) min(seen[seen >= life[i]]) else NA
}
fit <- survfit(Surv(left, right, type = "interval2") ~ 1, looks)
# With weights: KMsurv takes sums of weights for counts; errors by differences in each weight.
v$weight <- round(seq(0.4, 2.4, length.out = nrow(v)), 3)
weighted_table <- function(w) {
  sums <- function(status) as.vector(tapply(w * (v$status == status), bin, sum))
  tab <- lifetab(cuts, sum(w), sums(0), sums(1))
  c(tab$surv, tab$hazard)
}
slope <- sapply(seq_len(nrow(v)), function(i) {
  step <- replace(numeric(nrow(v)), i, 1e-4)
  (weighted_table(v$weight + step) - weighted_table(v$weight - step)) / 2e-4
})
weighted <- list(values = weighted_table(v$weight), errors = sqrt(colSums((v$weight * t(slope))^2)))
looks$weight <- round(seq(0.5, 2, length.out = n), 3)
heavy <- survfit(Surv(left, right, type = "interval2") ~ 1, looks, weights = weight)
write_json(
  list(
    weighted_table = weighted, weighted_turnbull = list(time = heavy$time, retention = heavy$surv),
    survival = as.character(packageVersion("survival")), KMsurv = as.character(packageVersion("KMsurv")),
    veteran = v, cuts = cuts, table = as.list(tab), looks = looks,
    turnbull = list(time = fit$time, retention = fit$surv)
  ),
  file.path(here, "grouped_times.json"), digits = I(17), na = "null", auto_unbox = TRUE, dataframe = "columns"
)
