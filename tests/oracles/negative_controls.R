# Two kinds of event of one customer, rows stacked after Wei, Lin and Weissfeld; writes
# negative_controls.json.
# Run: Rscript tests/oracles/negative_controls.R   (R 4.2.2, survival 3.5-3)
library(survival)
library(jsonlite)

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1]))
control <- coxph.control(eps = 1e-12, toler.chol = 1e-13, iter.max = 50)

# Recurrent infections beside an invented second kind of event that also depends on age.
set.seed(20240619)
g <- transform(cgd, treated = as.integer(treat == "rIFN-g"), weight = NA)
g <- g[c("id", "center", "tstart", "tstop", "status", "treated", "age", "weight")]
g$center <- as.character(g$center)
g$weight <- round(seq(0.5, 2.5, length.out = max(g$id)), 3)[g$id]
cut_rows <- NULL
for (i in seq_len(nrow(g))) {
  row <- g[i, ]
  own <- sort(unique(round(runif(rpois(1, 0.6), row$tstart + 1, row$tstop - 1))))
  own <- own[own > row$tstart & own < row$tstop]
  edges <- c(row$tstart, own, row$tstop)
  k <- length(edges) - 1
  piece <- row[rep(1, k), ]
  piece$tstart <- edges[-length(edges)]
  piece$tstop <- edges[-1]
  piece$status <- c(rep(0, k - 1), row$status)
  piece$other <- c(rep(1, k - 1), 0)
  cut_rows <- rbind(cut_rows, piece)
}
g <- cut_rows

# Recurrence and death, rows cut at recurrence, after which only death can come.
w <- reshape(colon[c("id", "rx", "age", "etype", "time", "status")],
             idvar = c("id", "rx", "age"), timevar = "etype", direction = "wide")
w <- w[seq(1, nrow(w), by = 2), ]
w$treated <- as.integer(w$rx == "Lev+5FU")
both <- w$status.1 == 1 & w$time.1 < w$time.2
first <- data.frame(id = w$id, treated = w$treated, age = w$age, start = 0,
                    stop = ifelse(both, w$time.1, w$time.2),
                    recurs = as.integer(w$status.1), dies = ifelse(both, 0, w$status.2), can_recur = 1)
later <- with(w[both, ], data.frame(id, treated, age, start = time.1, stop = time.2, recurs = 0,
                                    dies = status.2, can_recur = 0))
d <- rbind(first, later)
d <- d[order(d$id, d$start), ]

# Stacked rows, every covariate with an effect of its own on each kind of event.
stacked <- function(rows, one, two, at_risk = rep(TRUE, nrow(rows))) {
  rbind(transform(rows[at_risk, ], happens = rows[at_risk, one], kind = 1),
        transform(rows, happens = rows[[two]], kind = 0))
}
describe <- function(fit) list(coef = unname(coef(fit)), covariance = fit$var, terms = names(coef(fit)))
s <- stacked(g, "status", "other")
r <- stacked(d, "recurs", "dies", d$can_recur == 1)
joint <- list(
  cgd = describe(coxph(Surv(tstart, tstop, happens) ~ (treated + age) * kind - kind + strata(kind), s,
                       cluster = id, control = control)),
  cgd_center = describe(coxph(Surv(tstart, tstop, happens) ~ (treated + age) * kind - kind + strata(kind), s,
                              cluster = center, weights = weight, control = control)),
  colon = describe(coxph(Surv(start, stop, happens) ~ (treated + age) * kind - kind + strata(kind), r,
                         cluster = id, control = control))
)
write_json(
  list(survival = as.character(packageVersion("survival")), cgd = g, colon = d, joint = joint),
  file.path(here, "negative_controls.json"), digits = I(17), na = "null", auto_unbox = TRUE,
  dataframe = "columns", matrix = "columnmajor"
)
