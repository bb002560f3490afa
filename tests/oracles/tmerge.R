# Rows in counting-process form by R survival; writes tmerge.json.
# Run: Rscript tests/oracles/tmerge.R   (R 4.2.2, survival 3.5-3)
library(survival)
library(jsonlite)

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1]))

# Counts (cumtdc), sums (cumtdc of a value), the value in force (tdc, unknown before the first),
# and events so far at the end of each row (cumevent).
merge_all <- function(people, events) {
  rows <- tmerge(people, people, id = id, tstart = entry, tstop = exit, left = event(exit, left))
  rows <- tmerge(rows, events, id = id, count = cumtdc(day), total = cumtdc(day, size),
                 value = tdc(day, size), seen = cumevent(day))
  fates <- as.data.frame(attr(rows, "tcount"))
  list(
    people = people, events = events,
    rows = rows[c("id", "tstart", "tstop", "left", "count", "total", "value", "seen")],
    fates = cbind(option = rownames(fates), fates)
  )
}

# One thing each: 1 ties, an event at exit and one after it; 2 late entry, with events before it,
# at it and within; 3 no event; 4 only events before entry; 5 only an event after exit; 6 negative
# and zero sizes; 7 is nobody.
small <- merge_all(
  data.frame(id = 1:6, entry = c(0, 10, 0, 5, 0, 3), exit = c(100, 60, 20, 30, 40, 50),
             left = c(1, 0, 1, 0, 1, 1)),
  data.frame(
    id = c(1, 1, 1, 1, 1, 2, 2, 2, 4, 4, 5, 6, 6, 6, 7),
    day = c(20, 20, 55, 100, 120, 4, 10, 30, 1, 2, 45, 8, 9, 12, 4),
    size = c(2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, -4, 0, 4, 9)
  )
)

# Whole days, so that events meet each other, entries and exits.
set.seed(20240405)
n <- 60
entry <- ifelse(runif(n) < 0.5, 0, sample(1:15, n, TRUE))
people <- data.frame(id = seq_len(n), entry = entry, exit = entry + sample(1:40, n, TRUE),
                     left = rbinom(n, 1, 0.6))
events <- data.frame(id = sample(n + 3, 400, TRUE), day = sample(0:60, 400, TRUE),
                     size = sample(-5:9, 400, TRUE))
events <- events[!(duplicated(events[c("id", "day")]) & runif(nrow(events)) < 0.5), ]
random <- merge_all(people, events)

output <- list(versions = list(R = R.version.string, survival = as.character(packageVersion("survival"))),
               small = small, random = random)
write(toJSON(output, dataframe = "columns", digits = NA, auto_unbox = TRUE, na = "null"),
      file.path(here, "tmerge.json"))
