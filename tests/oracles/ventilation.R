# Ventilation in intensive care by R etm, with returns; writes ventilation.json.
# Run: Rscript tests/oracles/ventilation.R   (R 4.2.2, etm 1.1.1, survival 3.5-3)
# The example of Allignol, Schumacher and Beyersmann (2011), Journal of Statistical Software 38(4).
library(etm)
library(survival)
library(jsonlite)

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1]))

# 0 without ventilation, 1 with, 2 discharge or death. As in the paper, a change of ventilation
# on the day the stay ends comes half a day before it.
data(sir.cont)
s <- sir.cont[order(sir.cont$id, sir.cont$time), ]
for (i in 2:nrow(s)) {
  if (s$id[i] == s$id[i - 1] && s$time[i] == s$time[i - 1]) s$time[i - 1] <- s$time[i - 1] - 0.5
}
s$to <- as.character(s$to)
moves <- matrix(FALSE, 3, 3)
moves[1, 2:3] <- moves[2, c(1, 3)] <- TRUE
found <- etm(s[c("id", "from", "to", "time")], c("0", "1", "2"), moves, "cens", 0)

first <- c(TRUE, s$id[-1] != s$id[-nrow(s)])
s$start <- ifelse(first, 0, c(0, s$time[-nrow(s)]))
stopifnot(all(s$time > s$start))
kinds <- c("0" = "breathing", "1" = "ventilated", "2" = "gone", cens = "")
rows <- data.frame(id = s$id, start = s$start, stop = s$time, from = unname(kinds[as.character(s$from)]),
                   to = unname(kinds[s$to]), age = round(s$age, 4), male = as.integer(s$sex == "M"))

# Shares of those who start in one state, as etm has them, and Greenwood's variances.
time <- seq(5, 100, by = 5)
at <- findInterval(time, found$time)
from <- function(i) {
  list(share = t(found$est[i, , at]),
       variance = sapply(1:3, function(j) {
         name <- paste(i - 1, j - 1)
         found$cov[name, name, at]
       }))
}

# Cox models of the four moves by survival.
rows$state <- factor(rows$to, c("", "breathing", "ventilated", "gone"))
control <- coxph.control(eps = 1e-12, toler.chol = 1e-13, iter.max = 50)
cox <- lapply(list(c("breathing", "gone"), c("breathing", "ventilated"), c("ventilated", "breathing"),
                   c("ventilated", "gone")), function(move) {
  own <- rows[rows$from == move[1], ]
  fit <- coxph(Surv(start, stop, to == move[2]) ~ age + male, own, cluster = id, control = control)
  list(from = move[1], to = move[2], coef = unname(coef(fit)), se = unname(sqrt(diag(fit$var))))
})

write_json(
  list(etm = as.character(packageVersion("etm")), rows = rows[c("id", "start", "stop", "from", "to", "age", "male")],
       time = time, breathing = from(1), ventilated = from(2), cox = cox),
  file.path(here, "ventilation.json"), digits = I(17), na = "null", auto_unbox = TRUE,
  dataframe = "columns", matrix = "columnmajor"
)
