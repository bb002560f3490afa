# Agreement of raters from mean squares of aov and from the table of two raters, in base R.
# Run: Rscript tests/oracles/rater_agreement.R
library(jsonlite)

# Shrout and Fleiss (1979), table 2: six targets, four judges.
ratings <- matrix(
  c(9, 2, 5, 8, 6, 1, 3, 2, 8, 4, 6, 8, 7, 1, 2, 6, 10, 5, 6, 9, 6, 2, 4, 7),
  ncol = 4, byrow = TRUE
)
icc <- function(x) {
  n <- nrow(x)
  k <- ncol(x)
  long <- data.frame(
    score = as.vector(x),
    subject = factor(rep(seq_len(n), k)),
    rater = factor(rep(seq_len(k), each = n))
  )
  squares <- summary(aov(score ~ subject + rater, long))[[1]][["Mean Sq"]]
  b <- squares[1]
  j <- squares[2]
  e <- squares[3]
  c(single = (b - e) / (b + (k - 1) * e + k * (j - e) / n), mean = (b - e) / (b + (j - e) / n))
}
kappa <- function(x, y, levels) {
  observed <- table(factor(x, levels), factor(y, levels)) / length(x)
  expected <- outer(rowSums(observed), colSums(observed))
  weight <- outer(seq_along(levels), seq_along(levels), function(a, b) (a - b)^2)
  1 - sum(weight * observed) / sum(weight * expected)
}
# Two raters' grades of cars by cylinders and by gears, of 0, 1, 2.
first <- match(mtcars$cyl, c(4, 6, 8)) - 1
second <- 2 - (match(mtcars$gear, c(3, 4, 5)) - 1)
write_json(
  list(
    ratings = ratings, icc = as.list(icc(ratings)),
    first = first, second = second, kappa = kappa(first, second, 0:2)
  ),
  "tests/oracles/rater_agreement.json", digits = 15, auto_unbox = TRUE
)
