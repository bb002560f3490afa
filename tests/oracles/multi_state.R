# Multi-state curves and Cox models by R survival; writes multi_state.json.
# Run: Rscript tests/oracles/multi_state.R   (R 4.2.2, survival 3.5-3)
library(survival)
library(jsonlite)

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1]))

# Monoclonal gammopathy as three states: mgus -> pcm -> death, mgus -> death. Months are whole
# numbers; progression in the month of death is put a tenth earlier.
m <- within(mgus2, ptime <- ifelse(pstat == 1 & ptime == futime, ptime - 0.1, ptime))
first <- data.frame(
  id = m$id, start = 0, stop = ifelse(m$pstat == 1, m$ptime, m$futime), from = "mgus",
  to = ifelse(m$pstat == 1, "pcm", ifelse(m$death == 1, "death", "")), age = m$age,
  male = as.integer(m$sex == "M")
)
then <- with(subset(m, pstat == 1), data.frame(
  id = id, start = ptime, stop = futime, from = "pcm", to = ifelse(death == 1, "death", ""),
  age = age, male = as.integer(sex == "M")
))
mgus <- rbind(first, then)
mgus <- mgus[order(mgus$id, mgus$start), ]

# Subscriptions with returns: whole days, heavy ties, late entry in any state, stays cut in
# pieces, weights by customer, households of two. No gaps: survfit refuses them.
set.seed(20240311)
kinds <- c("active", "requested", "saved", "left")
leave <- list(active = c(requested = 0.06, left = 0.02), requested = c(saved = 0.2, left = 0.3),
              saved = c(requested = 0.08, left = 0.03), left = c(active = 0.03))
one <- function(customer) {
  day <- if (runif(1) < 0.7) 0 else floor(runif(1, 5, 15))
  state <- sample(kinds, 1, prob = c(0.7, 0.1, 0.1, 0.1))
  end <- day + 5 + floor(runif(1, 0, 40))
  rows <- list()
  while (day < end) {
    length <- 1 + floor(rexp(1, sum(leave[[state]])))
    cut <- runif(1) < 0.2 && length > 2
    stop <- min(end, day + if (cut) floor(length / 2) else length)
    moves <- !cut && day + length <= end
    to <- if (moves) sample(names(leave[[state]]), 1, prob = leave[[state]]) else ""
    rows[[length(rows) + 1]] <- data.frame(customer, start = day, stop, from = state, to)
    day <- stop
    if (moves) state <- to
  }
  do.call(rbind, rows)
}
tickets <- do.call(rbind, lapply(seq_len(130), one))
tickets$household <- (tickets$customer + 1) %/% 2
tickets$weight <- round(runif(130, 0.2, 3), 3)[tickets$customer]
tickets$price <- round(rnorm(130), 3)[tickets$customer]
tickets$contract <- rbinom(130, 1, 0.4)[tickets$customer]

as_states <- function(to, states) factor(to, c("", states))

# The errors come from influence = TRUE: without it survival 3.5-3 leaves out the error of an
# estimated start distribution, and it ignores cluster=. The influences lack the weight; with it
# they sum over households.
describe <- function(data, states, unit, weight, horizon) {
  data$wt <- weight
  data$state <- as_states(data$to, states)
  data$now <- factor(data$from, states)
  curve <- function(w) {
    data$wt <- w
    survfit(Surv(start, stop, state) ~ 1, data = data, id = data$id, istate = now, weights = wt,
            influence = TRUE)
  }
  fit <- curve(weight)
  own_row <- match(dimnames(fit$influence.pstate)[[1]], data$id)
  owner <- unit[own_row]
  k <- length(fit$states)
  # In the order of states.
  put <- match(states, fit$states)
  by_unit <- lapply(put, function(j) rowsum(weight[own_row] * fit$influence.pstate[, , j], owner))
  std_err <- sapply(by_unit, function(u) sqrt(colSums(u^2)))[-1, ]
  # The integral of every influence to the horizon.
  before <- fit$time < horizon
  edges <- c(0, fit$time[before], horizon)
  areas <- sapply(by_unit, function(u) u[, c(TRUE, before)] %*% diff(edges))
  shares <- rbind(fit$p0, fit$pstate)[c(TRUE, before), ]
  # Reweight one unit at a time and refit: the influences are the derivatives.
  few <- head(unique(unit), 12)
  for (u in few) {
    step <- ifelse(unit == u, 1e-5, 0)
    slope <- (curve(weight * (1 + step))$pstate - curve(weight * (1 - step))$pstate) / 2e-5
    ours <- sapply(by_unit, function(x) x[as.character(u), -1])
    stopifnot(all.equal(slope[, put], unname(ours), tolerance = 1e-6))
  }
  list(
    states = states, time = fit$time, p0 = unname(fit$p0[put]), pstate = fit$pstate[, put],
    std_err = std_err, start_std_err = sapply(by_unit, function(u) sqrt(sum(u[, 1]^2))),
    n_at_risk = fit$n.risk[, put], horizon = horizon,
    area = unname(colSums(shares * diff(edges)))[put], area_std_err = sqrt(colSums(areas^2)),
    hazards = hazards(data, unit, fit)
  )
}
hazards <- function(data, unit, fit) {
  data$unit <- unit
  moves <- unique(data[data$to != "", c("from", "to")])
  lapply(split(moves, seq_len(nrow(moves))), function(move) {
    rows <- data[data$from == move$from, ]
    rows$event <- as.integer(rows$to == move$to)
    one <- survfit(Surv(start, stop, event) ~ 1, rows, weights = wt, cluster = unit, robust = TRUE)
    seen <- one$n.event > 0
    list(from = move$from, to = move$to, time = one$time[seen], cumhaz = one$cumhaz[seen],
         std_err = one$std.chaz[seen])
  })
}
tickets$id <- tickets$customer
curves <- list(
  mgus = describe(mgus, c("mgus", "pcm", "death"), mgus$id, rep(1, nrow(mgus)), 240),
  tickets = describe(tickets, kinds, tickets$customer, rep(1, nrow(tickets)), 30),
  tickets_full = describe(tickets, kinds, tickets$household, tickets$weight, 30)
)

# Cox models by move, stacked: a row for every move its state allows, a baseline for each.
stack <- function(data, covariates) {
  moves <- unique(data[data$to != "", c("from", "to")])
  moves <- moves[order(moves$from, moves$to), ]
  do.call(rbind, lapply(seq_len(nrow(moves)), function(j) {
    rows <- data[data$from == moves$from[j], ]
    rows$event <- as.integer(rows$to == moves$to[j])
    rows$move <- paste(moves$from[j], "->", moves$to[j])
    rows
  }))
}
own_columns <- function(stacked, name) {
  x <- sapply(sort(unique(stacked$move)), function(m) stacked[[name]] * (stacked$move == m))
  colnames(x) <- paste0(name, ": ", colnames(x))
  x
}
control <- coxph.control(eps = 1e-12, toler.chol = 1e-13, iter.max = 50)
cox <- function(response, x, stacked, unit, weight) {
  fit <- coxph(response ~ x + strata(stacked$move), weights = weight, cluster = unit,
               control = control)
  list(names = sub("^x", "", names(coef(fit))), coef = unname(coef(fit)), covariance = fit$var)
}
models <- list()
s <- stack(mgus, c("age", "male"))
models$mgus_forward <- cox(Surv(s$start, s$stop, s$event), cbind(own_columns(s, "age"), own_columns(s, "male")),
                           s, s$id, rep(1, nrow(s)))
x <- cbind(own_columns(s, "age"), male = s$male)
models$mgus_shared <- cox(Surv(s$start, s$stop, s$event), x, s, s$id, rep(1, nrow(s)))
models$mgus_reset <- cox(Surv(s$stop - s$start, s$event), cbind(own_columns(s, "age"), own_columns(s, "male")),
                         s, s$id, rep(1, nrow(s)))
# The same by the multi-state formula of coxph, one fit for all moves.
mgus$state <- as_states(mgus$to, c("pcm", "death"))
ms <- coxph(Surv(start, stop, state) ~ age + male, mgus, id = id, istate = factor(from), control = control)
# R orders by move, we by covariate.
stopifnot(all.equal(sort(unname(coef(ms))), sort(models$mgus_forward$coef), tolerance = 1e-8))
stopifnot(all.equal(sort(unname(diag(vcov(ms)))), sort(diag(models$mgus_forward$covariance)), tolerance = 1e-6))

# Pieces of one stay share its beginning.
tickets$enters <- with(tickets, c(TRUE, customer[-1] != customer[-nrow(tickets)] |
                                          to[-nrow(tickets)] != ""))
tickets$since <- ave(ifelse(tickets$enters, tickets$start, -1), tickets$customer, FUN = cummax)
s <- stack(tickets, c("price", "contract"))
x <- cbind(own_columns(s, "price"), contract = s$contract)
models$tickets_forward <- cox(Surv(s$start, s$stop, s$event), x, s, s$household, s$weight)
models$tickets_reset <- cox(Surv(s$start - s$since, s$stop - s$since, s$event), x, s, s$household, s$weight)

# Shares for a given customer: matrix exponentials of the hazards of one fit per move.
person <- data.frame(age = 70, male = 1)
kinds_of <- c("mgus", "pcm", "death")
moves <- list(c(1, 2), c(1, 3), c(2, 3))
curve_of <- function(move) {
  rows <- mgus[mgus$from == kinds_of[move[1]], ]
  fit <- coxph(Surv(start, stop, to == kinds_of[move[2]]) ~ age + male, rows, control = control)
  base <- survfit(fit, newdata = person)
  list(time = base$time, step = diff(c(0, base$cumhaz)))
}
curves_of <- lapply(moves, curve_of)
when <- sort(unique(unlist(lapply(curves_of, function(one) one$time[one$step > 0]))))
share <- c(1, 0, 0)
path <- t(sapply(when, function(t) {
  h <- matrix(0, 3, 3)
  for (j in seq_along(moves)) {
    at <- which(curves_of[[j]]$time == t)
    if (length(at) == 1) h[moves[[j]][1], moves[[j]][2]] <- curves_of[[j]]$step[at]
  }
  diag(h) <- -rowSums(h)
  share <<- as.vector(share %*% survival:::survexpm(h))
}))
keep <- seq(20, length(when), by = 25)
prediction <- list(time = when[keep], mgus = path[keep, 1], pcm = path[keep, 2], death = path[keep, 3])

columns <- c("customer", "start", "stop", "from", "to", "household", "weight", "price", "contract")
write_json(
  list(survival = as.character(packageVersion("survival")),
       mgus = mgus[c("id", "start", "stop", "from", "to", "age", "male")],
       tickets = tickets[columns], curves = curves, models = models, prediction = prediction),
  file.path(here, "multi_state.json"), digits = I(17), na = "null", auto_unbox = TRUE,
  dataframe = "columns", matrix = "columnmajor"
)
