# tmerge on the tables of a scratch folder: CPU seconds, and sums over the rows in their order.
library(survival)
given <- commandArgs(trailingOnly = TRUE)
column <- function(name) {
  path <- file.path(given[1], paste0(name, ".f64"))
  readBin(path, "double", file.size(path) / 8)
}
origin <- column("origin")
spells <- data.frame(id = seq_along(origin), exit = (column("stop") - origin) / 86400,
                     left = column("left"))
who <- column("who") + 1
contacts <- data.frame(id = who, opened = (column("opened") - origin[who]) / 86400,
                       solved = (column("solved") - origin[who]) / 86400,
                       handoffs = column("handoffs"))
began <- proc.time()
rows <- tmerge(spells, spells, id = id, tstart = 0, tstop = exit, left = event(exit, left))
rows <- tmerge(rows, contacts, id = id, contacts = cumtdc(opened))
rows <- tmerge(rows, contacts, id = id, handed = cumtdc(solved, handoffs))
seconds <- sum((proc.time() - began)[1:2])
rows$contacts[is.na(rows$contacts)] <- 0
rows$handed[is.na(rows$handed)] <- 0
place <- (seq_len(nrow(rows)) - 1) / nrow(rows)
say <- function(name, values) cat(name, sprintf("%.17g", values), "\n")
say("seconds", seconds)
say("rows", nrow(rows))
columns <- rows[c("tstart", "tstop", "left", "contacts", "handed")]
say("sums", unlist(lapply(columns, function(values) c(sum(values), sum(place * values)))))
