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

# Where every event falls: each merged alone onto the times at risk, of which a person may have
# several, even one right after another. Calls after the first would count as "boundary" what
# merely meets a cut made by an earlier one.
count_places <- function(stretches, events) {
  people <- data.frame(id = unique(stretches$id), is_person = TRUE)
  alone <- tmerge(people, stretches, id = id, tstart = start, tstop = stop)
  merged <- function(chosen) {
    attr(tmerge(alone, chosen, id = id, n = cumtdc(day)), "tcount")["n", , drop = FALSE]
  }
  kinds <- split(events[c("id", "day")], events$kind)
  counts <- as.data.frame(do.call(rbind, lapply(kinds, merged)))
  list(stretches = stretches, events = events, counts = data.frame(kind = names(kinds), counts, row.names = NULL))
}

# 1 is at risk on (10, 40] and (60, 90]; 2 on (0, 20] and (20, 50]; 3 is nobody.
places_small <- count_places(
  data.frame(id = c(1, 1, 2, 2), start = c(10, 60, 0, 20), stop = c(40, 90, 20, 50)),
  data.frame(
    id = c(1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 1, 1),
    day = c(5, 10, 20, 40, 50, 60, 90, 95, 0, 20, 20, 20, 50, 7, 20, 20),
    kind = c(rep("a", 14), "b", "b")
  )
)
n <- 40
first <- sample(0:10, n, TRUE)
first_end <- first + sample(1:15, n, TRUE)
second <- first_end + sample(c(0, 0, 0, 1:6), n, TRUE)
has_second <- runif(n) < 0.7
stretches <- rbind(
  data.frame(id = seq_len(n), start = first, stop = first_end),
  data.frame(id = seq_len(n), start = second, stop = second + sample(1:15, n, TRUE))[has_second, ]
)
stretches <- stretches[order(stretches$id, stretches$start), ]
places_random <- count_places(
  stretches,
  data.frame(id = sample(n + 3, 900, TRUE), day = sample(0:45, 900, TRUE),
             kind = sample(c("a", "b"), 900, TRUE))
)

# The rows of ``random`` cut at three tenures; a cut where a row ends already does nothing.
cut_at <- c(7, 15, 30)
survsplit <- survSplit(Surv(tstart, tstop, left) ~ ., random$rows, cut = cut_at, episode = "band")
survsplit <- survsplit[order(survsplit$id, survsplit$tstart),
                       c("id", "tstart", "tstop", "left", "count", "band")]

output <- list(versions = list(R = R.version.string, survival = as.character(packageVersion("survival"))),
               small = small, random = random,
               places_small = places_small, places_random = places_random,
               survsplit = list(cuts = cut_at, rows = survsplit))
write(toJSON(output, dataframe = "columns", digits = NA, auto_unbox = TRUE, na = "null"),
      file.path(here, "tmerge.json"))
