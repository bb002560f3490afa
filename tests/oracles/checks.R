# Overlapping rows, aliased columns, Schoenfeld residuals row by row; writes checks.json.
# Run: Rscript tests/oracles/checks.R   (R 4.2.2, survival 3.5-3)
library(survival)
library(jsonlite)

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1]))

# Every third patient of cgd has the second row begin before the first one ends.
overlap <- cgd[c("id", "tstart", "tstop", "status")]
number <- ave(overlap$id, overlap$id, FUN = seq_along)
early <- number == 2 & overlap$id %% 3 == 0
overlap$tstart[early] <- overlap$tstart[early] - 1
checked <- survcheck(Surv(tstart, tstop, status) ~ 1, overlap, id = id)
stopifnot(checked$flag["overlap"] > 5, setequal(checked$overlap$row, which(early)))

# Columns of rotterdam of which some say the same: coxph leaves the later one without a number.
set.seed(20240501)
r <- rotterdam[sample(nrow(rotterdam), 300), ]
columns <- with(r, data.frame(
  age, small = 1 * (size == "<=20"), middle = 1 * (size == "20-50"), large = 1 * (size == ">50"),
  nodes, pgr, years = age / 10 + 3, both = nodes + 2 * pgr, meno, grade
))
aliased <- is.na(coef(coxph(Surv(r$dtime, r$death) ~ ., columns)))

# Residuals in the order of stratum and time; heart has few ties, bladder2 has strata.
schoenfeld <- function(fit, names) {
  x <- matrix(residuals(fit, type = "schoenfeld"), ncol = length(names))
  list(names = names, sum_by_time = unname(rowsum(x, group = time_of(x, fit))))
}
time_of <- function(x, fit) {
  detail <- coxph.detail(fit)
  rep(seq_along(detail$time), detail$nevent)
}
control <- coxph.control(eps = 1e-12, toler.chol = 1e-13, iter.max = 50)
heart_rows <- transform(heart, transplanted = as.integer(transplant == "1"))
fits <- list(
  heart = coxph(Surv(start, stop, event) ~ age + year + surgery + transplanted, heart_rows,
                control = control),
  veteran = coxph(Surv(time, status) ~ trt + karno + age, veteran, control = control)
)
residual <- lapply(fits, function(fit) schoenfeld(fit, names(coef(fit))))

write_json(
  list(survival = as.character(packageVersion("survival")),
       overlap = overlap, overlap_rows = checked$overlap$row - 1L,
       columns = columns, aliased = names(columns)[aliased],
       heart = heart_rows[c("start", "stop", "event", "age", "year", "surgery", "transplanted")],
       veteran = veteran[c("time", "status", "trt", "karno", "age")], schoenfeld = residual),
  file.path(here, "checks.json"), digits = I(17), na = "null", auto_unbox = TRUE,
  dataframe = "columns", matrix = "columnmajor"
)
